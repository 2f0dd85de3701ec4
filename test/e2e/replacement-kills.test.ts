/** Units that die while they are replaced: the power goes in the middle of a step, and is back at once. */
import assert from 'node:assert/strict';
import { stepByStep } from '../steps.ts';
import { temporaryFolder, untilInStep } from './daemon.ts';
import { type Letter, Site, Writer } from './replacement.ts';

/** In the middle of a step that asks something of the unit. */
const KILL_MS = 20;
const MOST_MS = 90_000;

describe('a unit dies in the middle of its replacement', function () {
  this.timeout(120_000);
  stepByStep();
  const { folder, remove } = temporaryFolder();
  const site = new Site(folder, 101); // 127.0.101.
  const { A, C, D } = site.units;
  const writer = new Writer([A, D]);
  const dies = (steps: Partial<Record<string, Letter>>) => (step: string) => steps[step];
  let certificates: string;

  before(async () => {
    await site.make();
    certificates = await site.putCertificate();
    site.write({
      kind: 'both',
      old: { first: site.place('A'), second: site.place('B') },
      new: { first: site.place('C'), second: site.place('D') },
    });
    const { code, stderr } = await site.replace('plan', site.plan);
    assert.equal(code, 0, stderr);
    writer.start();
  });
  after(async () => {
    await writer.stop();
    await site.stop();
    remove();
  });

  it('one that died too often is called pacified, with what to type, and nothing goes on before', async () => {
    for (let times = 0; times < 4; times++) await site.restart('A');
    const status = await site.replace('status');
    assert.equal(status.code, 1);
    assert.match(
      status.stdout,
      /in the way: A \(lb-a\) is pacified: it restarted 4 times within five minutes.*then type lockstep --dir \S+\/A resume/,
    );
    const { code, error } = await site.run();
    assert.deepEqual([code, error?.code], [3, 'replace-step']);
    assert.match(String(error?.message), /A \(lb-a\) is pacified/);
    await A.api.call('resume');
  });

  it('each dies at several steps, and the end is the same: no acknowledged commit is lost', async () => {
    const victims = dies({
      'prefer-a': 'A',
      'restore-d': 'D',
      'update-d': 'D',
      'takeover-d': 'A',
      'connect-c': 'C',
      'update-c': 'D',
    });
    const { killed } = await site.throughKills(victims, KILL_MS, MOST_MS);
    await writer.stop();
    assert.equal(killed.length, 6, killed.join(' '));
    await untilInStep(C, D);
    await site.assertNothingLost(writer, certificates);
  });
});
