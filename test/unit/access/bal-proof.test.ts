import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { loadCatalog } from '../../../schema/catalog.ts';
import { RULES } from '../../../schema/rules/index.ts';
import { openMemory } from '../../../store/memory.ts';
import { Store } from '../../../store/store.ts';
import type { Change } from '../../../store/transition.ts';
import { BalProof } from '../../../unit/access/bal-proof.ts';
import type { Log } from '../../../unit/log/log.ts';

const silence = (): void => undefined;
const quiet: Log = { info: silence, warn: silence, error: silence, debug: silence };
const catalog = loadCatalog();
/** Of the form that is kept; another salt each time, as a real one. */
const aHash = (): string => {
  const base64 = (bytes: number): string => randomBytes(bytes).toString('base64').replaceAll('=', '');
  return `$scrypt$ln=15,r=8,p=1$${base64(16)}$${base64(32)}`;
};
const PASSWORD = 'correct horse battery';

/** A unit, as far as the password of bal goes. */
class Unit {
  readonly store: Store;
  readonly bal: BalProof;
  pairId: string;

  private constructor(store: Store, pairId: string) {
    this.store = store;
    this.pairId = pairId;
    this.bal = new BalProof({ store, pairId: () => this.pairId, log: quiet });
  }

  static async make(pairId = 'pair'): Promise<Unit> {
    const port = openMemory();
    const store = await Store.open({ port, catalog, rules: RULES, now: () => new Date(0) });
    await store.setRole('active', 1);
    return new Unit(store, pairId);
  }

  async set(password: string): Promise<this> {
    const change = (value: string): Change => ({
      op: 'set',
      path: 'users/bal',
      field: ['passwordHash'],
      value,
    });
    const taken = [change(password.startsWith('$') ? password : aHash())];
    await this.store.commit({ changes: taken, kind: 'change', author: 'ada', reason: 'test' });
    await this.bal.learn([change(password)], taken);
    return this;
  }

  async proof(nonce = 'n', unitId = 'one'): Promise<string | null> {
    return (await this.bal.proof(nonce, unitId)).proof;
  }
}

describe('the proof of the password of bal', () => {
  it('is the same on two units of a pair with the same password, whose hashes differ', async () => {
    const [one, other] = [await (await Unit.make()).set(PASSWORD), await (await Unit.make()).set(PASSWORD)];
    const hashes = [await one.store.read('users/bal'), await other.store.read('users/bal')];
    assert.notDeepEqual(hashes[0], hashes[1]);
    assert.match((await one.proof()) ?? '', /^[0-9a-f]{64}$/);
    assert.equal(await one.proof(), await other.proof());
  });

  it('differs with another password, nonce, speaker or pair', async () => {
    const unit = await (await Unit.make()).set(PASSWORD);
    const others = [
      await (await (await Unit.make()).set(`${PASSWORD}!`)).proof(),
      await unit.proof('other'),
      await unit.proof('n', 'two'),
      await (await (await Unit.make('other pair')).set(PASSWORD)).proof(),
    ];
    const all = [await unit.proof(), ...others];
    assert.ok(all.every(each => each !== null));
    assert.equal(new Set(all).size, all.length);
  });

  it('is the same when the whole record brings the password', async () => {
    const [by, whole] = [await (await Unit.make()).set(PASSWORD), await Unit.make()];
    const put = (passwordHash: string): Change => ({ op: 'put', path: 'users/bal', value: { passwordHash } });
    const taken = [put(aHash())];
    await whole.store.commit({ changes: taken, kind: 'change', author: 'ada', reason: 'test' });
    await whole.bal.learn([put(PASSWORD)], taken);
    assert.notEqual(await whole.proof(), null);
    assert.equal(await whole.proof(), await by.proof());
  });

  it('follows the password: a new one, a rollback to the old one, none', async () => {
    const unit = await (await Unit.make()).set(PASSWORD);
    const first = await unit.proof();
    const { revision } = unit.store.head;
    await unit.set('another password');
    assert.notEqual(await unit.proof(), first);
    await unit.store.rollback(revision, { author: 'ada', reason: 'back' });
    assert.equal(await unit.proof(), first);
    const gone: Change = { op: 'unset', path: 'users/bal', field: ['passwordHash'] };
    await unit.store.commit({ changes: [gone], kind: 'change', author: 'ada', reason: 'test' });
    assert.deepEqual(await unit.bal.proof('n', 'one'), { set: false, proof: null });
  });

  it('is not to be had for a hash that came as one, before pairing, or in another pair', async () => {
    const hashed = await (await Unit.make()).set(aHash());
    assert.deepEqual(await hashed.bal.proof('n', 'one'), { set: true, proof: null });
    const early = await (await Unit.make('')).set(PASSWORD);
    early.pairId = 'pair';
    assert.equal(await early.proof(), null);
    const moved = await (await Unit.make()).set(PASSWORD);
    moved.pairId = 'next pair';
    assert.equal(await moved.proof(), null);
  });

  it('keeps neither the password nor what a guess could be compared with in the configuration', async () => {
    const unit = await (await Unit.make()).set(PASSWORD);
    const kept = (await unit.store.readLocal<object[]>('bal-verifiers')) ?? [];
    assert.equal(kept.length, 1);
    assert.ok(!JSON.stringify(kept).includes(PASSWORD));
    assert.deepEqual(Object.keys((await unit.store.read('users/bal')) ?? {}), ['passwordHash']);
    for (let time = 0; time < 5; time++) await unit.set(`${PASSWORD} ${time}`);
    assert.equal((await unit.store.readLocal<object[]>('bal-verifiers'))?.length, 5);
  });
});
