import assert from 'node:assert/strict';
import { builtInSchemas, Catalog } from '../../schema/catalog.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { Change } from '../../store/transition.ts';
import { MemoryPair, type MemoryUnit } from './pair-in-memory.ts';

const put = (path: string, value: JsonObject): Change => ({ op: 'put', path, value });
const host = (name: string, address = '10.0.0.1'): Change => put(`hosts/${name}`, { address });
const SERVICE = 'virtualServices/tcp:10.1.0.1:443';
const REAL_SERVER = `${SERVICE}/realServers/10.2.0.1:8080`;

/** A release in which some kinds have one more field. */
function releaseWith(...kinds: string[]): Catalog {
  return new Catalog(
    builtInSchemas().map(({ file, schema }) => {
      if (!kinds.includes(file.replace('.schema.json', ''))) return { file, schema };
      const properties = { ...(schema.properties as JsonObject), fromTheFuture: { type: 'boolean' } };
      return { file, schema: { ...schema, properties } };
    }),
  );
}

let pair: MemoryPair;
let first: MemoryUnit;
let second: MemoryUnit;

async function open(otherRelease: Catalog): Promise<void> {
  pair = await MemoryPair.open('disk', otherRelease);
  ({ first, second } = pair);
  second.facts.release = '2.0.0';
}

describe('two units of different releases', () => {
  afterEach(() => pair.close());

  it('with the same kinds are in step like any others', async () => {
    await open(releaseWith());
    await first.commit(host('a'));
    await pair.connect();
    await first.reaches('in-step');
    assert.deepEqual(await second.shared(), await first.shared());
  });

  it('exchange what both describe alike; the rest waits and is named', async () => {
    await open(releaseWith('hostEntry'));
    await first.commit(host('a'), put('users/ada', { permissions: ['vs'] }));
    await pair.connect();
    await first.reaches('held-back');
    await second.reaches('held-back');
    assert.deepEqual(await second.store.read('users/ada'), { permissions: ['vs'] });
    assert.equal(await second.store.read('hosts/a'), undefined);
    const receipt = await first.link.forceUpdate();
    assert.deepEqual(receipt.heldBack, { records: 1, paths: ['hosts/a'] });
  });

  it('exchange every later change too, with one update for each', async () => {
    await open(releaseWith('hostEntry'));
    await first.commit(host('a'), put('users/ada', {}));
    await pair.connect();
    await first.reaches('held-back');
    await first.commit(host('a', '10.0.0.2'), put('users/grace', {}));
    assert.equal(first.state, 'behind');
    await first.link.forceUpdate();
    assert.equal(first.state, 'held-back');
    assert.deepEqual(await second.store.read('users/grace'), {});
    await first.commit({ op: 'remove', path: 'users/ada' });
    await first.link.forceUpdate();
    assert.equal(await second.store.read('users/ada'), undefined);
    assert.equal(first.sent.length, 3);
  });

  it('keep what the standby had of a kind that differs now, until it may be changed', async () => {
    await open(releaseWith());
    await first.commit(host('a'));
    await pair.connect();
    await first.reaches('in-step');
    second.facts.schemaDigest = 'f'.repeat(64);
    const other = releaseWith('hostEntry');
    Object.defineProperty(second.store, 'catalog', { value: other });
    second.facts.schemaDigest = other.digest;
    second.link.ownChanged();
    await first.until(state => state.partner?.schemaDigest === other.digest);
    await first.commit(host('a', '10.0.0.9'), put('users/ada', {}));
    await first.link.forceUpdate();
    assert.deepEqual(await second.store.read('hosts/a'), { address: '10.0.0.1' });
    assert.deepEqual(await second.store.read('users/ada'), {});
  });

  it("are in step without anybody's help once both run the same release", async () => {
    await open(releaseWith('hostEntry'));
    await first.commit(host('a'), host('b'), put('users/ada', {}));
    await pair.connect();
    await first.reaches('held-back');
    second.facts.release = '1.0.0';
    second.facts.schemaDigest = first.facts.schemaDigest;
    pair.cut();
    await pair.reconnect();
    await first.reaches('in-step');
    assert.deepEqual(await second.shared(), await first.shared());
  });

  it('say of a change that both understand whether it would be taken, although other records wait', async () => {
    await open(releaseWith('hostEntry'));
    await first.commit(host('a'), put('users/ada', {}));
    await pair.connect();
    await first.reaches('held-back');
    await first.link.tryOut([{ path: 'users/grace', value: {} }]);
    await assert.rejects(first.link.tryOut([{ path: 'hosts/b', value: { address: '10.0.0.2' } }]), {
      code: 'held-back',
    });
  });

  it('hold back also what could not stand without it: Real Servers below a Virtual Service, and what refers to it', async () => {
    await open(releaseWith('virtualService'));
    await first.commit(put(SERVICE, { nickname: 'shop' }), put(REAL_SERVER, { weight: 10 }), host('a'));
    await pair.connect();
    await first.reaches('held-back');
    assert.equal(first.link.heldBack, 2);
    assert.deepEqual(
      (await second.shared()).map(line => line.split(' ')[0]),
      ['hosts/a'],
    );
  });

  it('are not taken for equal: a takeover that would lose what waits is refused, unless forced', async () => {
    await open(releaseWith('hostEntry'));
    await first.commit(host('a'), put('users/ada', {}));
    await pair.connect();
    await first.reaches('held-back');
    await assert.rejects(second.link.takeOver(false), { code: 'takeover-incomplete', message: /hosts\/a/ });
    assert.equal(first.store.head.role, 'active');
    await second.link.takeOver(true);
    await second.commit(put('users/grace', {}));
    await second.until(state => state.partner?.role === 'standby');
    await second.link.forceUpdate();
    const [branch] = first.store.branches.all();
    assert.equal(branch?.unit, 'first');
  });

  it('a model or a pair that differs is refused as before', async () => {
    await open(releaseWith());
    second.facts.model = 'other';
    await first.commit(host('a'));
    await pair.connect();
    await first.reaches('refused');
  });
});
