import assert from 'node:assert/strict';
import { MemoryPair, type MemoryUnit } from './pair-in-memory.ts';

describe('only one of the two units can dial', () => {
  let pair: MemoryPair;

  beforeEach(async () => {
    pair = await MemoryPair.open('memory');
  });
  afterEach(() => pair.close());

  /** `deaf` cannot be dialled. */
  async function connect(deaf: MemoryUnit, bothWays = true): Promise<void> {
    for (const unit of [pair.first, pair.second]) if (bothWays) unit.facts.bothWays = true;
    pair.unreachable.add(deaf.mode);
    pair.first.link.start();
    pair.second.link.start();
    if (bothWays) await pair.seen();
  }

  for (const mode of ['first', 'second'] as const)
    it(`the ${mode}: updates, audits and a takeover go both ways, and both say the same`, async () => {
      await connect(pair[mode]);
      await pair.first.put('hosts/a', { address: '10.0.0.1' });
      await pair.first.link.forceUpdate();
      await pair.second.reaches('in-step');
      assert.equal(pair.first.state, 'in-step');
      for (const unit of [pair.first, pair.second])
        assert.deepEqual(await unit.link.examine('once'), { nonce: 'once' });
      await pair.second.link.takeOver(false);
      await pair.second.put('hosts/b', { address: '10.0.0.2' });
      await pair.second.link.forceUpdate();
      await pair.first.reaches('in-step');
      assert.deepEqual([pair.first.store.head.role, pair.second.store.head.role], ['standby', 'active']);
      assert.equal(pair[mode].link.via?.dialled, true);
      const other = pair.other(pair[mode]);
      assert.equal(other.link.via?.dialled, false);
      assert.equal(other.link.notDialled?.code, 'partner-unreachable');
    });

  it('the way opens: the unit asks on its own connection again, and nobody sees a change', async () => {
    await connect(pair.second);
    await pair.first.put('hosts/a', { address: '10.0.0.1' });
    await pair.first.link.forceUpdate();
    assert.deepEqual(pair.first.link.via?.dialled, false);
    pair.unreachable.clear();
    pair.first.link.redial();
    const links: string[] = [];
    for (let beats = 0; beats < 2; beats++) {
      for (let turns = 0; turns < 10; turns++) {
        await new Promise(resolve => setImmediate(resolve));
        links.push(pair.first.link.state.link);
      }
      pair.timers.advance(5_000);
    }
    assert.deepEqual(pair.first.link.via?.dialled, true);
    await pair.first.link.forceUpdate();
    assert.ok(
      links.every(link => link === 'up'),
      links.join(),
    );
  });

  it('a unit of release 0.1.0 is not asked on its own connection', async () => {
    await connect(pair.second, false);
    await pair.second.until(({ link }) => link === 'up');
    assert.equal(pair.first.state, 'unreachable');
  });
});
