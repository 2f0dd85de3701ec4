import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { MergeAnswer } from '../../api/contract/branches.ts';
import type { TakeoverAnswer } from '../../api/contract/pair.ts';
import type { Status } from '../../api/contract/status.ts';
import type { ErrorBody } from '../../schema/error.ts';
import { stepByStep } from '../steps.ts';
import { pairUp, TestUnit, temporaryFolder, until, untilInStep } from './daemon.ts';

describe('a snapshot of the active unit is put back', function () {
  this.timeout(60_000);
  stepByStep();
  const { folder, remove } = temporaryFolder();
  const ha1 = new TestUnit(path.join(folder, 'ha1'), '127.0.107.1');
  const ha2 = new TestUnit(path.join(folder, 'ha2'), '127.0.107.2');
  const image = path.join(folder, 'image');
  const serve = (unit: TestUnit): Promise<TestUnit> => unit.start('--interval', '1');
  const addHost = (unit: TestUnit, name: string) =>
    unit.api.call('change', {
      changes: [{ op: 'put', path: `hosts/${name}`, value: { address: '10.30.0.80' } }],
    });
  const hosts = async (unit: TestUnit): Promise<string[]> =>
    Object.keys((await unit.api.call('show', { path: 'hosts' })).value as object).sort();
  const isState = (unit: TestUnit, state: string): Promise<void> =>
    until(
      `${unit.dir} is ${state}`,
      async () => (await unit.status()).sync.state === state,
      20_000,
      async () => JSON.stringify((await unit.status()).sync),
    );

  async function takeImage(): Promise<void> {
    await ha1.stop();
    rmSync(image, { recursive: true, force: true });
    cpSync(ha1.dir, image, { recursive: true });
    await serve(ha1);
    await untilInStep(ha1, ha2);
  }

  async function putBack(): Promise<void> {
    await ha1.stop();
    rmSync(ha1.dir, { recursive: true, force: true });
    cpSync(image, ha1.dir, { recursive: true });
  }

  before(async () => {
    await Promise.all([
      ha1.init({ mode: 'first', name: 'lb1' }).then(serve),
      ha2.init({ mode: 'second', name: 'lb2' }).then(serve),
    ]);
    await pairUp(ha1, ha2);
    await addHost(ha1, 'before');
    await untilInStep(ha1, ha2);
  });

  after(async () => {
    await Promise.all([ha1.kill(), ha2.kill()]);
    remove();
  });

  it('nothing was changed since: the standby takes over by itself, and nothing is undone', async () => {
    await takeImage();
    await addHost(ha1, 'later');
    await untilInStep(ha1, ha2);
    await putBack();
    await serve(ha1);
    await until('lb2 is active', async () => (await ha2.status()).unit.role === 'active');
    await untilInStep(ha1, ha2);
    for (const unit of [ha1, ha2]) assert.deepEqual(await hosts(unit), ['before', 'later']);
    assert.ok(ha1.log.some(({ msg }) => msg === 'the disk of this unit fell back'));
  });

  it('it was changed since: both name it, and what the hint says ends it', async () => {
    await ha1.api.call('takeover', {});
    await untilInStep(ha1, ha2);
    await takeImage();
    await addHost(ha1, 'lost');
    await untilInStep(ha1, ha2);
    await putBack();
    await ha2.stop();
    await serve(ha1);
    await addHost(ha1, 'own');
    await serve(ha2);
    for (const unit of [ha1, ha2]) await isState(unit, 'fallen-back');
    const [here, there] = await Promise.all([ha1.status(), ha2.status()]);
    assert.match(here.sync.sentence, /^This unit fell back: .*revision \d+ of 20.*, and was changed since\./);
    assert.match(there.sync.sentence, /^lb1 fell back: /);
    assert.match(here.sync.hint ?? '', /^Type lockstep takeover --force on lb2:/);
    assert.match(there.sync.hint ?? '', /^Type lockstep takeover --force here:/);
    assert.deepEqual(
      here.squares.map(({ colour }) => colour),
      ['grey', 'green'],
    );
    assert.deepEqual(there.squares, [
      { ...here.squares[0], sentence: 'lb1; its disk fell back' },
      { ...here.squares[1], sentence: 'this unit; up, standby' },
    ]);
    const forced = await ha1.json<{ error: ErrorBody }>('force-update');
    assert.deepEqual([forced.code, forced.answer.error.code], [3, 'fallen-back']);
    assert.equal((await ha1.json<Status>('status')).code, 1);

    const { code } = await ha2.json<TakeoverAnswer>('takeover', '--force');
    assert.equal(code, 0);
    await untilInStep(ha1, ha2);
    for (const unit of [ha1, ha2]) assert.deepEqual(await hosts(unit), ['before', 'later', 'lost']);
    const [branch] = (await ha2.status()).branches;
    assert.equal(branch?.records, 1, 'in step, and the branch is here already');
    const merged = await ha2.json<MergeAnswer>('merge', branch?.name ?? '');
    assert.equal(merged.code, 0);
    await untilInStep(ha1, ha2);
    for (const unit of [ha1, ha2]) assert.deepEqual(await hosts(unit), ['before', 'later', 'lost', 'own']);
  });
});
