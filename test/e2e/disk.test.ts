import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ErrorBody, LockstepError } from '../../schema/error.ts';
import { stepByStep } from '../steps.ts';
import { lockstep, TestUnit, temporaryFolder, until } from './daemon.ts';
import { smallDisk } from './small-disk.ts';

const DISK_MIB = 12;
/** A rule of about 2 KB: a hundred of them do not fit into the pages that a full disk has left. */
const LARGE = 'x'.repeat(1000);

describe('a disk that takes no more', function () {
  this.timeout(60_000);
  stepByStep();
  const { folder, remove } = temporaryFolder();
  const disk = path.join(folder, 'disk');
  let holder: ChildProcess | undefined;
  let inside: string[] = [];
  let outside = '';
  let unit: TestUnit;
  let acknowledged = 0;

  before(async function () {
    const made = await smallDisk(disk, DISK_MIB);
    if (made === undefined) {
      process.stdout.write(
        '      skipped: a disk of its own takes root and the program unshare (Debian package util-linux)\n',
      );
      return this.skip();
    }
    ({ holder, inside, outside } = made);
    unit = new TestUnit(path.join(disk, 'unit'), '127.0.66.1', {
      inside,
      outside: path.join(outside, 'unit'),
    });
    const initialised = await lockstep(
      ['--dir', unit.dir, 'init', '--mode', 'first', '--name', 'lb1', '--address', '10.0.0.11/24'],
      { inside },
    );
    assert.equal(initialised.code, 0, initialised.stderr);
    await unit.start();
  });

  after(async () => {
    await unit?.kill();
    holder?.stdin?.end(); // its `cat` ends, and the disk with it
    remove();
  });

  const commit = (name: string): Promise<unknown> =>
    unit.api.call('change', {
      changes: [
        {
          op: 'put',
          path: `rules/${name}`,
          value: { type: 'match-content', pattern: LARGE, replacement: LARGE },
        },
      ],
    });
  const names = async (): Promise<string[]> =>
    Object.keys((await unit.api.call('show', { path: 'rules' })).value as object);
  const filler = (): string => path.join(outside, 'filler');

  function fill(): void {
    try {
      for (let part = 0; part < DISK_MIB * 16; part++)
        writeFileSync(filler(), Buffer.alloc(64 * 1024), { flag: 'a' });
      assert.fail('the disk did not fill up');
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }

  /** Commit until one is refused; resolves to the refusal. */
  async function commitUntilRefused(): Promise<LockstepError> {
    for (let more = 0; more < 2000; more++) {
      try {
        await commit(`r${acknowledged}`);
        acknowledged++;
      } catch (error) {
        return error as LockstepError;
      }
    }
    return assert.fail('a full disk took 2,000 commits');
  }

  it('refuses the commit as disk, with the reason', async () => {
    for (; acknowledged < 20; acknowledged++) await commit(`r${acknowledged}`);
    fill();
    const refused = await commitUntilRefused();
    assert.equal(refused.code, 'disk');
    assert.match(refused.message, /no space/i);
    assert.match(String(refused.hint), /free space/i);
  });

  it('does not keep the unit from serving: status, show and history answer', async () => {
    const { unit: own } = await unit.status();
    assert.equal(own.name, 'lb1');
    assert.equal((await names()).length, acknowledged);
    assert.equal((await unit.api.call('history', { limit: 1 })).revisions[0]?.revision, own.revision);
  });

  it('status, doctor and metrics say that the disk takes nothing, and what to type', async () => {
    const { code, stdout } = await unit.cli('status');
    assert.equal(code, 1, stdout);
    assert.match(stdout, /takes no change and no update since .*no space.*\n.*df -h/i);
    const { store } = await unit.status();
    assert.match(store.refused?.reason ?? '', /no space/i);
    assert.ok(Number(store.refused?.freeBytes) < 1024 * 1024);
    assert.match((await unit.http('GET', '/metrics')).text, /^lockstep_disk_refuses_writes 1$/m);
    const { findings } = await unit.api.call('doctor');
    const [writes] = findings.filter(finding => finding.code === 'disk-writes');
    assert.equal(writes?.outcome, 'failure');
    assert.match(writes?.message ?? '', /no space/i);
  });

  it('refuses again, as long as it is full', async () => {
    assert.equal((await commitUntilRefused()).code, 'disk');
  });

  it('once there is space, takes commits again', async () => {
    rmSync(filler());
    await commit(`r${acknowledged++}`);
    assert.equal((await names()).length, acknowledged);
    assert.equal((await unit.status()).store.refused, null);
    assert.equal((await unit.cli('status')).code, 0);
    assert.match((await unit.http('GET', '/metrics')).text, /^lockstep_disk_refuses_writes 0$/m);
  });

  it('is told when it fills up by itself, and over, without a change and without a question', async () => {
    fill();
    await unit.api
      .call('change', { changes: [{ op: 'put', path: 'hosts/x', value: { address: '10.0.0.1' } }] })
      .catch(() => undefined);
    assert.equal((await unit.cli('status')).code, 1);
    rmSync(filler());
    await until('it is over', async () =>
      unit.log.some(({ msg }) => msg === 'the disk takes what the store writes again'),
    );
  });

  it('a second unit is refused its place by name, and nothing of it is there', async () => {
    fill();
    const dir = path.join(disk, 'other');
    const { code, stderr, stdout } = await lockstep(['--dir', dir, 'init', '--mode', 'second', '--json'], {
      inside,
    });
    rmSync(filler());
    assert.equal(code, 3, stderr + stdout);
    assert.equal((JSON.parse(stdout) as { error: ErrorBody }).error.code, 'disk');
    const again = await lockstep(['--dir', dir, 'init', '--mode', 'second'], { inside });
    assert.equal(again.code, 0, again.stderr);
  });

  it('loses nothing acknowledged when the unit is killed while it is full', async () => {
    fill();
    await commitUntilRefused();
    await unit.kill();
    rmSync(filler());
    await unit.start();
    assert.deepEqual(
      (await names()).sort(),
      Array.from({ length: acknowledged }, (_, index) => `r${index}`).sort(),
    );
  });

  it('full at the start: the unit serves what it holds, or says that the disk is full', async () => {
    await unit.stop();
    fill();
    const started = await unit.start().then(
      () => 'serving',
      error => String(error),
    );
    if (started === 'serving') assert.equal((await names()).length, acknowledged);
    else assert.match(started, /ended with 3: lockstep: .*no space/is);
    await unit.stop();
    rmSync(filler());
  });

  it('a folder that may only be read is refused at the start, exit code 3, with the reason', async () => {
    const remount = `mount -o remount,ro "$1" && shift && "$@"; code=$?; mount -o remount,rw "${disk}"; exit $code`;
    const readOnly = [...inside, 'sh', '-c', remount, 'sh', disk];
    const { code, stdout } = await lockstep(['--dir', unit.dir, 'serve', '--json'], { inside: readOnly });
    const { error } = JSON.parse(stdout) as { error: ErrorBody };
    assert.deepEqual([code, error.code], [3, 'disk'], stdout);
    assert.match(error.message, /read-only/i);
    await unit.start();
    assert.equal((await names()).length, acknowledged);
  });
});
