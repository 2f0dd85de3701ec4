/** A pair whose units get other addresses: it goes on, and says what it does. Nobody tells the units where to listen but their records. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stepByStep } from '../steps.ts';
import { pairUp, refusalOf, TestUnit, temporaryFolder, until, untilInStep } from './daemon.ts';

const at = (last: number): string => `127.0.150.${last}`;
const OWN = 'interfaces/eth0/address';
const PARTNER = 'interfaces/eth0/partnerAddress';

describe('a pair whose units move', function () {
  this.timeout(120_000);
  stepByStep();
  const { folder, remove } = temporaryFolder();
  const ha1 = new TestUnit(path.join(folder, 'ha1'), '');
  const ha2 = new TestUnit(path.join(folder, 'ha2'), '');
  const both = [ha1, ha2];
  const start = (): Promise<unknown> => Promise.all(both.map(unit => unit.start('--every-commit')));
  let number = 0;

  before(async () => {
    const common = { shared: `${at(100)}`, virtualId: 77 };
    await ha1.init({ mode: 'first', name: 'lb1', address: `${at(1)}/24`, partner: at(2), ...common });
    await ha2.init({ mode: 'second', name: 'lb2', address: `${at(2)}/24`, partner: at(1), ...common });
    await start();
    await pairUp(ha1, ha2);
    await changed();
  });
  after(async () => {
    await Promise.all(both.map(unit => unit.kill()));
    remove();
  });

  /** One more change reaches the standby, and nothing is said against the connections. */
  async function changed(): Promise<void> {
    const value = { address: `10.1.0.${++number}` };
    await ha1.api.call('change', { changes: [{ op: 'put', path: `hosts/h${number}`, value }] });
    await untilInStep(ha1, ha2);
  }

  async function set(unit: TestUnit, field: string, value: string): Promise<string> {
    const { code, stdout, stderr } = await unit.cli('set', field, value);
    assert.equal(code, 0, stderr);
    return stdout;
  }

  const listensAt = (unit: TestUnit, address: string): Promise<void> =>
    until(`it listens at ${address}`, async () => (await unit.status()).unit.address === address);

  const reachedAt = (unit: TestUnit, host: string): Promise<void> =>
    until(`its partner is at ${host}`, async () => {
      const { partner } = await unit.status();
      return partner?.seen === true && partner.host === host;
    });

  /** Saved by hand while the unit is down. */
  function edit(unit: TestUnit, fields: Record<string, string>): void {
    const file = path.join(unit.dir, 'config', 'interfaces', 'eth0.json');
    const record = JSON.parse(readFileSync(file, 'utf8')) as object;
    writeFileSync(file, JSON.stringify({ ...record, ...fields }));
  }

  it('the standby gets another address: the plan says what becomes of it, it listens there, and the active unit follows', async () => {
    const plan = await ha2.cli('set', OWN, at(22), '--dry-run');
    assert.match(plan.stdout, /listens on 127\.0\.150\.22 .*and on 127\.0\.150\.2 until then; lb1 learns it/);
    await set(ha2, OWN, at(22));
    await listensAt(ha2, at(22));
    await reachedAt(ha1, at(22));
    await changed();
    const { warnings } = await ha1.status();
    assert.deepEqual(
      warnings.map(({ code, hint }) => [code, hint]),
      [['partner-address', `lockstep set ${PARTNER} ${at(22)}`]],
    );
    assert.match(
      await set(ha1, PARTNER, at(22)),
      /lb2 is dialled at 127\.0\.150\.22, port 6973, from now on/,
    );
    await until('nothing is said against it', async () => (await ha1.status()).warnings.length === 0);
  });

  it('the active unit gets another one too, and both start again', async () => {
    await set(ha1, OWN, at(11));
    await reachedAt(ha2, at(11));
    await set(ha2, PARTNER, at(11));
    await Promise.all(both.map(unit => unit.stop()));
    await start();
    await changed();
    // One of the two starts first, and finds nobody at the other's address then.
    await until('it dials the other one again', async () => (await ha2.status()).warnings.length === 0);
  });

  it('both get other ones while both are down, and their records say so', async () => {
    await Promise.all(both.map(unit => unit.stop()));
    edit(ha1, { address: at(31), partnerAddress: at(32) });
    edit(ha2, { address: at(32), partnerAddress: at(31) });
    await start();
    await Promise.all([listensAt(ha1, at(31)), listensAt(ha2, at(32))]);
    await changed();
  });

  it('both do, and nobody said so: each says where it looked, and one command ends it', async () => {
    await Promise.all(both.map(unit => unit.stop()));
    edit(ha1, { address: at(41) });
    edit(ha2, { address: at(42) });
    await start();
    await Promise.all([listensAt(ha1, at(41)), listensAt(ha2, at(42))]);
    await until('it is looked for', async () => /partnerAddress/.test((await ha1.status()).sync.sentence));
    const { sync, squares } = await ha1.status();
    assert.match(sync.sentence, /127\.0\.150\.32:6973 .*\(interfaces\/eth0\/partnerAddress\)/);
    assert.match(String(sync.hint), /lockstep pair ADDRESS/);
    assert.deepEqual(
      squares.map(({ colour }) => colour),
      ['green', 'red'],
    );
    const { code, stdout, stderr } = await ha1.cli('pair', at(42));
    assert.equal(code, 0, stderr);
    assert.match(stdout, /lb2 answers at 127\.0\.150\.42.*\ninterfaces\/eth0\/partnerAddress says so too/);
    await changed();
    await reachedAt(ha2, at(41));
    await set(ha2, PARTNER, at(41));
  });

  it('somebody else is there, or nobody: nothing is changed', async () => {
    const own = await refusalOf(ha1.api.call('join', { host: at(41) }));
    assert.equal(own.code, 'key-mismatch');
    assert.equal((await refusalOf(ha1.api.call('join', { host: at(99) }))).code, 'partner-unreachable');
    await changed();
  });

  it('one gets the HA mode of the other: it is told at once, and no square is green', async () => {
    assert.match(await set(ha2, 'ha/mode', 'first'), /lb1 is in HA first mode too/);
    for (const unit of both)
      await until('the squares are grey', async () =>
        (await unit.status()).squares.every(({ colour }) => colour === 'grey'),
      );
    assert.match((await ha1.cli('status')).stdout, /no pair yet: HA mode here first, there first/);
    await set(ha2, 'ha/mode', 'second');
    await changed();
  });

  it('a unit with another Virtual ID is not paired, and neither side has a partner then', async () => {
    const made = (name: string, mode: 'first' | 'second', last: number, virtualId: number) =>
      new TestUnit(path.join(folder, name), '').init({ mode, name, address: `${at(last)}/24`, virtualId });
    const one = await made('one', 'first', 51, 77);
    const other = await made('other', 'second', 52, 78);
    try {
      await Promise.all([one.start('--no-mirror'), other.start('--no-mirror')]);
      const { code: text } = await one.api.call('invite');
      const { code, stderr } = await other.cli('pair', at(51), '--code', text);
      assert.equal(code, 3, stderr);
      assert.match(stderr, /HA Virtual ID here 77, there 78[\s\S]*on one lockstep set ha\/virtualId 78/);
      for (const unit of [one, other]) assert.equal((await unit.status()).partner, null);
      await set(one, 'ha/virtualId', '78');
      await pairUp(one, other);
    } finally {
      await Promise.all([one.kill(), other.kill()]);
    }
  });
});
