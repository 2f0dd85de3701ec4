import assert from 'node:assert/strict';
import path from 'node:path';
import type { Branch, MergeAnswer } from '../../api/contract/branches.ts';
import type { ChangeAnswer, ConfirmAnswer } from '../../api/contract/changes.ts';
import type { Status } from '../../api/contract/status.ts';
import { stepByStep } from '../steps.ts';
import { pairUp, TestUnit, temporaryFolder, until, untilInStep } from './daemon.ts';

describe('two units that were changed on both sides', function () {
  this.timeout(90_000);
  stepByStep();
  const { folder, remove } = temporaryFolder();
  const ha1 = new TestUnit(path.join(folder, 'ha1'), '127.0.63.1');
  const ha2 = new TestUnit(path.join(folder, 'ha2'), '127.0.63.2');
  const serve = (unit: TestUnit): Promise<TestUnit> => unit.start('--interval', '1');
  const set = async (unit: TestUnit, field: string, value: string, ...more: string[]): Promise<void> => {
    const { code, stdout, stderr } = await unit.cli('set', field, value, ...more);
    assert.equal(code, 0, stdout + stderr);
  };
  const shown = async (unit: TestUnit, field: string): Promise<string> =>
    JSON.parse((await unit.cli('show', field)).stdout) as string;
  const stateOf = async (unit: TestUnit): Promise<Status['sync']> => (await unit.status()).sync;

  before(async () => {
    await ha1.init({ mode: 'first', name: 'lb1', virtualId: 11 });
    await ha2.init({ mode: 'second', name: 'lb2', virtualId: 11 });
    await Promise.all([serve(ha1), serve(ha2)]);
    await pairUp(ha1, ha2);
    for (const host of ['a', 'b', 'c']) await set(ha1, `hosts/${host}.example.com/address`, '10.0.0.1');
    await untilInStep(ha1, ha2);
  });

  after(async () => {
    await Promise.all([ha1.kill(), ha2.kill()]);
    remove();
  });

  it('each by itself: the standby takes over while the active one is down, and both are changed', async () => {
    await ha2.stop();
    await set(ha1, 'hosts/a.example.com/address', '10.1.0.1');
    await set(ha1, 'hosts/b.example.com/address', '10.1.0.2');
    await ha1.stop();
    await serve(ha2);
    const taken = await ha2.cli('takeover');
    assert.equal(taken.code, 0, taken.stderr);
    await set(ha2, 'hosts/b.example.com/address', '10.2.0.2');
    await serve(ha1);
    for (const unit of [ha1, ha2])
      await until('both say so', async () => (await stateOf(unit)).state === 'both-active');
  });

  it('the operator is told that a takeover would leave changes behind, and how they come back', async () => {
    const refused = await ha2.json('takeover');
    assert.deepEqual([refused.code, refused.answer.error.code], [3, 'takeover-incomplete']);
    assert.match(refused.answer.error.message, /^Both units are active/);
    assert.match(refused.answer.error.hint ?? '', /branch/);
    const { stdout } = await ha2.cli('branches');
    assert.match(stdout, /no branches yet, because both units are active/);
    assert.match((await ha2.cli('status')).stdout, /hint: .*lockstep takeover --force there/);
  });

  it('by force the other unit stands down, and what only it held is a branch that status names', async () => {
    const forced = await ha2.cli('takeover', '--force');
    assert.equal(forced.code, 0, forced.stderr);
    assert.match(forced.stdout, /stepped down and is standby\. What it alone held becomes a branch/);
    await untilInStep(ha1, ha2);
    await until('the branch is on both units', async () =>
      (await Promise.all([ha1.status(), ha2.status()])).every(({ branches }) => branches.length === 1),
    );
    const screen = await ha2.cli('status');
    assert.match(screen.stdout, /1 branch to be merged/);
    assert.match(screen.stdout, /2 records on lb1/);
    assert.equal(await shown(ha1, 'hosts/a.example.com/address'), '10.0.0.1');
  });

  it('a dry run lists the conflict with both values; the merge is refused until it is decided', async () => {
    const { answer } = await ha2.json<{ branches: Branch[] }>('branches');
    const name = answer.branches[0]?.name ?? '';
    const dry = await ha2.json<MergeAnswer>('merge', name, '--dry-run');
    assert.equal(dry.code, 1);
    assert.deepEqual(dry.answer.conflicts, [
      {
        path: 'hosts/b.example.com',
        field: 'address',
        base: '10.0.0.1',
        ours: '10.2.0.2',
        theirs: '10.1.0.2',
      },
    ]);
    assert.deepEqual(dry.answer.counts, { added: 0, changed: 1, removed: 0 });
    const refused = await ha2.cli('merge', name);
    assert.equal(refused.code, 3);
    assert.match(refused.stderr, /b\.example\.com\/address[\s\S]*10\.2\.0\.2[\s\S]*10\.1\.0\.2/);
    assert.equal((await ha1.json('merge', name)).answer.error.code, 'not-active');
    const both = await ha2.cli('merge', name, '--none', '--theirs', 'hosts');
    assert.deepEqual([both.code, /cannot be used with/.test(both.stderr)], [2, true]);
    const merged = await ha2.cli('merge', name, '--theirs', 'hosts/b.example.com/address');
    assert.equal(merged.code, 0, merged.stderr);
    await untilInStep(ha1, ha2);
    for (const unit of [ha1, ha2]) {
      assert.equal(await shown(unit, 'hosts/a.example.com/address'), '10.1.0.1');
      assert.equal(await shown(unit, 'hosts/b.example.com/address'), '10.1.0.2');
      await until('no branch is open', async () => (await unit.status()).branches.length === 0);
    }
    const { answer: history } = await ha2.json<{ revisions: { kind: string; merges?: object }[] }>(
      'history',
      '--limit',
      '1',
    );
    assert.equal(history.revisions[0]?.kind, 'merge');
    assert.ok(history.revisions[0]?.merges !== undefined, 'both parents are named');
  });

  describe('change with a net', () => {
    const net = 'hosts/c.example.com/address';

    it('what is not confirmed is undone on both units, also when the active one is killed and the other takes over', async () => {
      const { digest } = (await ha2.status()).unit;
      const made = await ha2.json<ChangeAnswer>('set', net, '10.9.9.9', '--confirm', '1');
      assert.equal(made.answer.provisional?.minutes, 1);
      await until('the standby has it', async () => (await shown(ha1, net)) === '10.9.9.9');
      const { stdout } = await ha1.cli('status');
      assert.match(stdout, /waits to be confirmed/);
      assert.match(stdout, /hint: lockstep confirm on lb2, the active unit, keeps it/);
      const between = await ha2.json('set', net, '10.9.9.8');
      assert.deepEqual([between.code, between.answer.error.code], [3, 'provisional']);
      await ha2.kill();
      assert.equal((await ha1.cli('takeover')).code, 0);
      const back = await ha1.json<ConfirmAnswer>('confirm', '--undo');
      assert.equal(back.answer.change.reason, `set ${net}`);
      assert.equal((await ha1.status()).unit.digest, digest);
      await serve(ha2);
      await untilInStep(ha1, ha2);
      assert.equal(await shown(ha2, net), '10.0.0.1');
    });

    it('what is confirmed stays, and both units know it', async () => {
      await set(ha1, net, '10.9.9.7', '--confirm', '1');
      const confirmed = await ha1.cli('confirm');
      assert.equal(confirmed.code, 0, confirmed.stderr);
      await untilInStep(ha1, ha2);
      for (const unit of [ha1, ha2]) assert.equal((await unit.status()).provisional, null);
      assert.equal((await ha1.json('confirm')).answer.error.code, 'nothing-to-confirm');
    });

    it('what is not confirmed is undone by itself, also after a restart', async () => {
      const change = {
        op: 'set' as const,
        path: 'hosts/c.example.com',
        field: ['address'],
        value: '10.9.9.6',
      };
      await ha1.api.call('change', { changes: [change], confirm: 0.1 });
      await ha1.kill();
      await serve(ha1);
      await until('it is undone on both', async () => (await shown(ha2, net)) === '10.9.9.7');
      await untilInStep(ha1, ha2);
      const { answer } = await ha1.json<{ revisions: { author: string; reason: string }[] }>(
        'history',
        '--limit',
        '1',
      );
      assert.equal(answer.revisions[0]?.author, 'lockstep');
    });
  });

  describe('change only with the standby', () => {
    it('the answer comes when the standby has it', async () => {
      const made = await ha1.json<ChangeAnswer>('set', 'hosts/d.example.com/address', '10.0.0.4', '--wait');
      assert.equal(made.code, 0);
      assert.ok(made.answer.standby !== undefined && 'receipt' in made.answer.standby);
      assert.equal(await shown(ha2, 'hosts/d.example.com/address'), '10.0.0.4');
    });

    it('without the standby nothing is changed', async () => {
      await ha2.stop();
      const { revision } = (await ha1.status()).unit;
      const refused = await ha1.json('set', 'hosts/d.example.com/address', '10.0.0.5', '--wait');
      assert.deepEqual([refused.code, refused.answer.error.code], [4, 'partner-unreachable']);
      assert.equal((await ha1.status()).unit.revision, revision);
    });
  });

  describe('a takeover of a standby whose partner died', () => {
    it('says nothing of changes where it lacks none', async () => {
      await serve(ha2);
      await untilInStep(ha1, ha2);
      await ha1.kill();
      const taken = await ha2.cli('takeover');
      assert.equal(taken.code, 0, taken.stderr);
      assert.doesNotMatch(taken.stdout, /left behind/);
      await serve(ha1);
      await untilInStep(ha1, ha2);
    });

    it('succeeds, and says that changes were left behind where the partner had said that it holds some', async () => {
      assert.equal((await ha2.cli('pause', '--reason', 'trying rules')).code, 0);
      await set(ha2, 'hosts/e.example.com/address', '10.0.0.6');
      const { digest } = (await ha2.status()).unit;
      await until('the standby has heard of it', async () => (await ha1.status()).partner?.digest === digest);
      await ha2.kill();
      const taken = await ha1.cli('takeover');
      assert.equal(taken.code, 0, taken.stderr);
      assert.match(taken.stdout, /Changes were left behind: lb2 last said .* a branch/);
      await serve(ha2);
      await until('both say so', async () => (await stateOf(ha1)).state === 'both-active');
      assert.equal((await ha1.cli('takeover', '--force')).code, 0);
      await until('it is a branch', async () => (await ha1.status()).branches.length === 1);
    });
  });
});
