/** The runner on a machine of its own: it reaches all units over SSH, and its disk and that of a new unit fill up. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { needs } from '../needs.ts';
import { stepByStep } from '../steps.ts';
import { type CommandResult, lockstep, TestUnit, temporaryFolder, untilInStep } from './daemon.ts';
import { type Letter, Site, Writer } from './replacement.ts';
import { smallDisk } from './small-disk.ts';

const DISK_MIB = 24;
const LETTERS: readonly Letter[] = ['A', 'B', 'C', 'D'];

describe('units are replaced from another machine', function () {
  this.timeout(120_000);
  stepByStep();
  const { folder, remove } = temporaryFolder();
  const site = new Site(folder, 102); // 127.0.102.
  const home = path.join(folder, 'home');
  const key = path.join(home, 'ada');
  type Disk = NonNullable<Awaited<ReturnType<typeof smallDisk>>>;
  /** That of the runner, and that of D; undefined where there are none. */
  let desk: Disk | undefined;
  let diskOfD: Disk | undefined;
  let writer: Writer;
  let certificates: string;

  before(async function () {
    needs(this, 'ssh-keygen');
    mkdirSync(path.join(home, '.ssh'), { recursive: true, mode: 0o700 });
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'ada@desk', '-f', key]);
    const at = (name: string): string => path.join(folder, name);
    [desk, diskOfD] = [await smallDisk(at('desk'), DISK_MIB), await smallDisk(at('disk'), DISK_MIB)];
    if (desk !== undefined && diskOfD !== undefined) {
      Object.assign(site, { state: path.join(at('desk'), 'replacement') });
      const where = { inside: diskOfD.inside, outside: path.join(diskOfD.outside, 'D') };
      site.units.D = new TestUnit(path.join(at('disk'), 'D'), '127.0.102.4', where);
    } else process.stdout.write('      without full disks: they take root and the program unshare\n');
    await site.make(['A', 'B', 'C']);
    const { code, stderr } = await site.units.D.cli(
      'init',
      '--mode',
      'second',
      '--name',
      'new-d',
      '--virtual-id',
      '77',
    );
    assert.equal(code, 0, stderr);
    await site.switchOn('D');
    certificates = await site.putCertificate();
    for (const letter of LETTERS.filter(each => each !== 'B'))
      await letIn(site.units[letter], letter !== 'A');
    await site.units.A.api.call('forceUpdate');
    trustAll();
    site.write({
      kind: 'both',
      old: { first: { unit: '127.0.102.1' }, second: { unit: '127.0.102.2:6973' } },
      new: { first: { unit: '127.0.102.3' }, second: { unit: '127.0.102.4' } },
    });
    writer = new Writer([site.units.A, site.units.D]).start();
  });
  after(async () => {
    await writer?.stop();
    await site.stop();
    for (const each of [desk, diskOfD]) each?.holder.stdin?.end(); // its `cat` ends, and the disk with it
    remove();
  });

  /** A new unit is a pair of nobody: there the operator belongs to the unit alone. */
  async function letIn(unit: TestUnit, alone: boolean): Promise<void> {
    const scope = alone ? ['--this-unit'] : [];
    const added = await unit.cli(
      'operator',
      'add',
      'ada',
      '--key',
      `${key}.pub`,
      '--role',
      'admin',
      ...scope,
    );
    assert.equal(added.code, 0, added.stderr);
  }

  /** Host keys as a person would put them there, read off the units. */
  function trustAll(): void {
    const lines = LETTERS.map((letter, index) => {
      const dir =
        letter === 'D' && diskOfD !== undefined ? path.join(diskOfD.outside, 'D') : site.units[letter].dir;
      const hostKey = execFileSync('ssh-keygen', ['-y', '-f', path.join(dir, 'keys', 'host_ed25519')]);
      return `[127.0.102.${index + 1}]:6973 ${hostKey}`;
    });
    writeFileSync(path.join(home, '.ssh', 'known_hosts'), lines.join(''));
  }

  /** As Ada types it at her desk. */
  function ada(...args: string[]): Promise<CommandResult> {
    return lockstep(['--identity', key, 'replace', ...args, '--state', site.state], {
      environment: { HOME: home, SSH_AUTH_SOCK: '' },
      inside: desk?.inside ?? [],
    });
  }
  const run = (): Promise<CommandResult> => ada('run', '--no-wait', '--passphrase-file', site.passphrase);

  /** Takes what is free on the small disk but for a few pages. */
  function fill({ outside }: Disk): void {
    for (const size of [64 * 1024, 4096]) {
      try {
        for (;;) writeFileSync(path.join(outside, 'filler'), Buffer.alloc(size), { flag: 'a' });
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
      }
    }
  }
  const free = ({ outside }: Disk): void => rmSync(path.join(outside, 'filler'));

  it('a host key that nobody has vouched for, or a key that a unit does not know, is refused by name', async () => {
    const strange = await lockstep(['--identity', key, 'replace', 'plan', site.plan, '--state', site.state], {
      environment: { HOME: folder, SSH_AUTH_SOCK: '' },
      inside: desk?.inside ?? [],
    });
    assert.equal(strange.code, 3);
    assert.match(strange.stderr, /127\.0\.102\.1[\s\S]*known_hosts/);
    const { code, stdout, stderr } = await ada('plan', site.plan);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /A {2}lb-a, HA first mode.*at 127\.0\.102\.1\n/);
  });

  it('the disk of the runner is full: it says so, nothing is lost, and it goes on once there is space', async function () {
    if (desk === undefined) return this.skip();
    fill(desk);
    const { code, stderr } = await run();
    assert.equal(code, 3, stderr);
    assert.match(
      stderr,
      /The (journal in|bundle) \S+ could not be written: [^\n]*no space left[\s\S]*Free space there/,
    );
    free(desk);
    const next = await run();
    assert.deepEqual([next.code, next.stderr.split('\n').at(-2)?.slice(0, 6)], [1, '  B (l'], next.stderr);
    assert.match(next.stdout, /Waits for you: switch B \(lb-b\) off/);
    await site.switchOff('B');
  });

  it('the disk of the new unit is full: nothing is restored there, and it goes on once there is space', async function () {
    if (diskOfD === undefined) return this.skip();
    fill(diskOfD);
    const { code, stderr } = await run();
    assert.equal(code, 3, stderr);
    assert.match(
      stderr,
      /onto D \(new-d\): The disk of the unit has no room for an upload[\s\S]*goes on at restore-d/,
    );
    assert.equal((await site.units.D.status()).unit.name, 'new-d');
    free(diskOfD);
  });

  it('it is carried out to the end with an operator’s key alone', async () => {
    if (site.on.has('B')) {
      assert.equal((await run()).code, 1);
      await site.switchOff('B');
    }
    const half = await run();
    assert.equal(half.code, 1, half.stderr);
    assert.match(half.stdout, /Waits for you: switch A \(lb-a\) off/);
    await site.switchOff('A');
    const whole = await run();
    assert.equal(whole.code, 0, whole.stderr);
    await writer.stop();
    await untilInStep(site.units.C, site.units.D);
    await site.assertNothingLost(writer, certificates);
    const report = await ada('report');
    assert.match(report.stdout, /done {2}takeover-d/);
  });
});
