/** Replacing units: real daemons, real bundles, the real command; what is done by hand is done by the test. */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stepByStep } from '../steps.ts';
import { lockstep, refusalOf, TestUnit, temporaryFolder, until, untilInStep } from './daemon.ts';
import { PASSPHRASE, Site, Writer } from './replacement.ts';

describe('both units of a pair are replaced', function () {
  this.timeout(120_000);
  stepByStep();
  const { folder, remove } = temporaryFolder();
  const site = new Site(folder, 91);
  const { A, B, C, D } = site.units;
  const writer = new Writer([A, D]);
  let certificates: string;
  let plan: object;

  before(async () => {
    await site.make();
    certificates = await site.putCertificate();
    await A.api.call('change', {
      changes: [{ op: 'put', path: 'hosts/gone.example.com', value: { address: '10.0.0.7' } }],
    });
    plan = {
      kind: 'both',
      old: { first: site.place('A'), second: site.place('B') },
      new: { first: site.place('C'), second: site.place('D') },
    };
    site.write(plan);
    writer.start();
  });
  after(async () => {
    await writer.stop();
    await site.stop();
    remove();
  });

  it('a plan tells every step of this pair, and changes nothing', async () => {
    const { code, stdout, stderr } = await site.replace('plan', site.plan);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /measured before: .*B \(lb-b\) does not answer; D \(new-d\) is in HA second mode/);
    assert.match(stdout, /The bundle of B \(lb-b\) goes onto D \(new-d\) {2}\[appliance: 10–16\]/);
  });

  it('a unit in the wrong mode, or named twice, is refused before there is a plan', async () => {
    const swapped = { first: site.place('D'), second: site.place('C') };
    const twice = { first: site.place('A'), second: site.place('D') };
    for (const [fresh, words] of [
      [swapped, /is in HA second mode, and the plan has it in HA first mode/],
      [twice, /belongs to a pair already/],
    ] as const) {
      site.write({ ...plan, new: fresh });
      const { code, stderr } = await site.replace('plan', site.plan);
      assert.equal(code, 3);
      assert.match(stderr, words);
    }
  });

  it('another pair on the network with the same Virtual ID is refused by name', async () => {
    const web = new TestUnit(path.join(folder, 'web'), '127.0.91.9');
    await web.init({ mode: 'first', name: 'web-1', virtualId: 77 });
    await web.start('--no-mirror');
    try {
      const state = path.join(folder, 'other');
      site.write({ ...plan, others: [{ dir: web.dir }, site.place('A')] });
      const { code, stderr } = await lockstep(['replace', 'plan', site.plan, '--state', state]);
      assert.equal(code, 3);
      assert.match(stderr, /web-1 at \S+, of another pair, has the HA Virtual ID 77 too/);
      await web.api.call('change', { changes: [{ op: 'set', path: 'ha', field: ['virtualId'], value: 78 }] });
      const unique = await lockstep(['replace', 'plan', site.plan, '--state', state]);
      assert.equal(unique.code, 0, unique.stderr);
    } finally {
      await web.stop();
    }
  });

  it('the old units get the release of the new ones first, the standby before the active one', async () => {
    const install = (unit: typeof A) =>
      unit.api.call('change', {
        changes: [{ op: 'set', path: 'licence', field: ['release'], value: '9.9.9' }],
      });
    await install(C);
    await install(D);
    const both = await site.run();
    assert.equal(both.waits?.id, 'release');
    assert.match(both.waits?.does ?? '', /first the standby, then, after a takeover, the other/);
    assert.match(
      String(both.missing),
      /C \(new-c\) runs release 9\.9\.9, and A \(lb-a\) \d.*the standby first/,
    );
    await install(B);
    const half = await site.run();
    assert.deepEqual(
      [half.waits?.id, /B \(lb-b\) runs release 9/.test(String(half.missing))],
      ['release', true],
    );
    await install(A);
    await until('the pair runs one release', async () => (await A.status()).partner?.release === '9.9.9');
  });

  it('B must be out: as long as it answers, nothing is restored', async () => {
    assert.equal((await site.run()).waits?.id, 'out-b');
    const { waits, missing } = await site.run();
    assert.equal(waits?.id, 'out-b');
    assert.match(String(missing), /B \(lb-b\) still answers/);
    assert.equal((await D.status()).unit.name, 'new-d');
    await site.byHand('out-b');
    // It is in both bundles, and must not come back with them.
    await A.api.call('change', { changes: [{ op: 'remove', path: 'hosts/gone.example.com' }] });
  });

  it('another unit’s bundle, another passphrase and another mode are refused, and it goes on after each', async () => {
    const bundles = path.join(site.state, 'bundles');
    const [own, others] = ['b.lockstep', 'a.lockstep'].map(name => path.join(bundles, name)) as [
      string,
      string,
    ];
    copyFileSync(own, `${own}.kept`);
    copyFileSync(others, own);
    const swapped = await site.run();
    assert.deepEqual([swapped.code, swapped.error?.code], [3, 'replace-step']);
    assert.match(String(swapped.error?.message), /b\.lockstep is not the file that was made and verified/);
    renameSync(`${own}.kept`, own);

    await D.api.call('change', { changes: [{ op: 'set', path: 'ha', field: ['mode'], value: 'first' }] });
    const mode = await site.run();
    assert.match(
      String(mode.error?.message),
      /D \(new-d\) is in HA first mode, and must be in HA second mode/,
    );
    await D.api.call('change', { changes: [{ op: 'set', path: 'ha', field: ['mode'], value: 'second' }] });

    const wrong = path.join(folder, 'wrong');
    writeFileSync(wrong, 'other words than those');
    const refused = await site.run('run', wrong);
    assert.deepEqual([refused.code, refused.error?.code], [3, 'wrong-passphrase']);
    assert.equal((await D.status()).unit.name, 'new-d');
  });

  it('an old unit that comes back is named, and nothing goes on before it is out again', async () => {
    await site.switchOn('B');
    const { waits } = await site.run();
    assert.equal(waits?.id, 'out-b');
    await site.switchOff('B');
  });

  it('it is carried out while a writer commits: nothing acknowledged is lost', async () => {
    const command = ['run', '--no-wait', '--passphrase-file', site.passphrase];
    const half = await site.replace(...command);
    assert.equal(half.code, 1, half.stderr);
    assert.match(half.stdout, /Waits for you: switch A \(lb-a\) off/);
    const stands = await site.replace('status');
    assert.equal(stands.code, 1);
    assert.match(stands.stdout, /not yet: A \(lb-a\) still answers/);
    await site.byHand('out-a');
    const whole = await site.replace(...command);
    assert.equal(whole.code, 0, whole.stderr);
    await writer.stop();
    const late = await site.replace('abort', '--yes');
    assert.deepEqual([late.code, /no way back/.test(late.stderr)], [3, true]);
    await untilInStep(C, D);
    await site.assertNothingLost(writer, certificates);
    const [c, d] = [await C.status(), await D.status()];
    assert.deepEqual(
      [c.unit.role, c.unit.name, d.unit.role, d.unit.name],
      ['standby', 'lb-a', 'active', 'lb-b'],
    );
    process.stdout.write(
      `      ${writer.acknowledged.size} commits, ${writer.interruptions} interruptions, ${writer.darkMs.toFixed(0)} ms without an active unit (longest ${writer.longestMs.toFixed(0)} ms)\n`,
    );
    // the takeover, and the unit that serves starting again at the end
    assert.ok(writer.interruptions <= 2 && writer.longestMs < 5_000);
  });

  it('what was restored and then replaced is no branch that stops the next replacement, and brings nothing back', async () => {
    for (const unit of [C, D])
      await until('no branch is open', async () => (await unit.status()).branches.length === 0);
    const { value } = await D.api.call('show', { path: 'hosts' });
    assert.equal('gone.example.com' in (value as object), false);
    const { findings } = await D.api.call('doctor', { before: 'replace' });
    assert.equal(findings.find(({ code }) => code === 'branches')?.outcome, 'ok');
    assert.match((await site.replace('report')).stdout, /done {2}settle-branches {2}closed=\["r\d+-/);
  });

  it('an old unit that comes back after the end is named, and let in by nobody, whatever is done there', async () => {
    const { epoch, digest } = (await D.status()).unit;
    await site.switchOn('A');
    const { waits, missing } = await site.run();
    assert.equal(waits?.id, 'out-a');
    assert.match(String(missing), /A \(lb-a\) still answers \(standby, epoch 2\); it must be out/);
    assert.equal((await refusalOf(A.api.call('forceUpdate'))).code, 'not-active');
    assert.ok((await A.status()).unit.epoch < epoch, 'what it had to say is of an epoch that is over');
    await until('it knows that nobody lets it in', async () =>
      /does not accept the key of this unit/.test((await A.status()).sync.sentence),
    );
    await A.api.call('takeover', {});
    await A.api.call('change', {
      changes: [{ op: 'put', path: 'hosts/lost.example.com', value: { address: '10.0.0.8' } }],
    });
    assert.equal((await refusalOf(A.api.call('forceUpdate'))).class, 'unreachable');
    assert.match(String((await site.run()).missing), /A \(lb-a\) still answers \(active, epoch 3\)/);
    const { unit, partner } = await D.status();
    assert.deepEqual([unit.epoch, unit.digest, unit.role, partner?.seen], [epoch, digest, 'active', true]);
    await site.switchOff('A');
    assert.equal((await site.run()).ended, true);
  });

  it('the journal tells who did what, as text and as a page, without a secret', async () => {
    const text = await site.replace('report');
    assert.match(text.stdout, /done {2}takeover-d .*epoch=2/);
    const page = await site.replace('report', '--html');
    assert.match(page.stdout, /<td>takeover-d<\/td>/);
    for (const file of ['plan.json', 'journal.jsonl'])
      assert.ok(!readFileSync(path.join(site.state, file), 'utf8').includes(PASSPHRASE));
  });
});
