import assert from 'node:assert/strict';
import type { JsonObject } from '../../schema/json.ts';
import { EMPTY_DIGEST } from '../../store/digest.ts';
import type { Revision } from '../../store/revision.ts';
import type { Change } from '../../store/transition.ts';
import type { Hello, UpdateMessage } from '../../sync/message.ts';
import { LARGEST_RECORD_BYTES } from '../../sync/outgoing.ts';
import { greetingOf } from '../../sync/state.ts';
import { MemoryPair, type MemoryUnit, type MemoryPair as Pair } from './pair-in-memory.ts';

const put = (path: string, value: JsonObject): Change => ({ op: 'put', path, value });
const remove = (path: string): Change => ({ op: 'remove', path });
const host = (index: number, net = 10): Change =>
  put(`hosts/host-${index}`, { address: `${net}.0.${index >> 8}.${index & 255}` });
const hosts = (count: number): Change[] => Array.from({ length: count }, (_, index) => host(index));

const SERVICE = 'virtualServices/tcp:10.1.0.1:443';
const site: Change[] = [
  put('users/ada', { permissions: ['vs'] }),
  put('rules/strip-www', { type: 'modify-url', pattern: '^www' }),
  put(SERVICE, { nickname: 'shop' }),
  put(`${SERVICE}/realServers/10.2.0.1:8080`, { weight: 10, matchRules: ['strip-www'] }),
  put(`${SERVICE}/realServers/10.2.0.2:8080`, { weight: 20 }),
];

let pair: Pair;
let first: MemoryUnit;
let second: MemoryUnit;

/** A new pair, connected, in step with these changes on both units. */
async function inStep(...changes: Change[]): Promise<void> {
  pair = await MemoryPair.open('disk');
  ({ first, second } = pair);
  if (changes.length > 0) await first.commit(...changes);
  await pair.connect();
  if (changes.length > 0) await first.reaches('in-step');
}

async function assertEqual(): Promise<void> {
  assert.equal(second.store.head.digest, first.store.head.digest);
  assert.equal(second.store.head.records, first.store.head.records);
  assert.deepEqual(await second.shared(), await first.shared());
}

/** The records of all updates that crossed since the last call. */
function crossed(): UpdateMessage[] {
  const updates = pair.requests().filter(request => request.type === 'update');
  pair.frames.length = 0;
  return updates;
}

describe('a change on the active unit reaches the standby', () => {
  afterEach(() => pair.close());

  /** Commits on the active unit, updates the standby, and tells which paths crossed. */
  async function travel(...changes: Change[]): Promise<string[]> {
    await first.commit(...changes);
    crossed();
    const receipt = await first.link.forceUpdate();
    assert.equal(receipt.digest, first.store.head.digest);
    await assertEqual();
    return crossed().flatMap(update => update.changes.map(({ path }) => path));
  }

  it('a deletion', async () => {
    await inStep(...site);
    assert.deepEqual(await travel(remove('users/ada')), ['users/ada']);
    assert.equal(await second.store.read('users/ada'), undefined);
  });

  it('a rename', async () => {
    await inStep(...site);
    await travel(remove('users/ada'), put('users/grace', { permissions: ['vs'] }));
    assert.equal(await second.store.read('users/ada'), undefined);
    assert.deepEqual(await second.store.read('users/grace'), { permissions: ['vs'] });
  });

  it('an emptied collection', async () => {
    await inStep(...site, ...hosts(20));
    assert.equal((await travel(remove('hosts'))).length, 20);
    const left = (await second.shared()).filter(line => line.startsWith('hosts/'));
    assert.deepEqual(left, []);
  });

  it('a record moved between kinds', async () => {
    await inStep(...site);
    const service = `${SERVICE}/realServers/10.2.0.2:8080`;
    await travel(remove(service), put('hosts/app-2', { address: '10.2.0.2' }));
    assert.equal(await second.store.read(service), undefined);
    assert.deepEqual(await second.store.read('hosts/app-2'), { address: '10.2.0.2' });
  });

  it('a Virtual Service with its Real Servers', async () => {
    await inStep(...site);
    const gone = [SERVICE, `${SERVICE}/realServers/10.2.0.1:8080`, `${SERVICE}/realServers/10.2.0.2:8080`];
    assert.deepEqual((await travel(remove(SERVICE))).sort(), gone);
    assert.deepEqual(
      (await second.shared()).filter(line => line.startsWith('virtualServices')),
      [],
    );
    // What the Real Server referred to may go now: the standby forgot the reference too.
    await travel(remove('rules/strip-www'));
  });

  it('1,000 changes at once, of every kind of change', async () => {
    await inStep(...site, ...hosts(600));
    const changes = [
      ...Array.from({ length: 300 }, (_, index) => remove(`hosts/host-${index}`)),
      ...Array.from({ length: 300 }, (_, index) => host(index + 300, 11)),
      ...Array.from({ length: 400 }, (_, index) => host(index + 10_000)),
    ];
    assert.equal((await travel(...changes)).length, 1_000);
  });

  it('a record of a megabyte, in a frame of its own', async () => {
    await inStep(...site, ...hosts(10));
    await first.commit(put(SERVICE, { extraPorts: portRanges(1_000_000) }), put('users/grace', {}));
    crossed();
    await first.link.forceUpdate();
    await assertEqual();
    assert.deepEqual(
      crossed().map(({ changes }) => changes.map(({ path }) => path)),
      [[SERVICE], ['users/grace']],
    );
  });

  it('the history of the standby names the revisions that an update brought', async () => {
    await inStep(...site);
    for (const reason of ['one', 'two']) {
      const changes = [put('users/ada', { comment: reason })];
      await first.store.commit({ changes, kind: 'change', author: 'grace', reason });
    }
    await first.commit(put('time', { timeZone: 'Europe/Vienna' })); // of the unit alone: brings nothing
    await first.link.forceUpdate();
    const [newest] = await historyOf(second);
    assert.equal(newest?.kind, 'update');
    assert.deepEqual(
      newest?.brought?.map(({ revision, author, reason }) => ({ revision, author, reason })),
      [
        { revision: 2, author: 'grace', reason: 'one' },
        { revision: 3, author: 'grace', reason: 'two' },
      ],
    );
  });

  it('a change that is undone again brings nothing', async () => {
    await inStep(...site);
    await first.commit(put('users/ada', { comment: 'oops' }));
    await first.store.rollback(1, { author: 'ada', reason: 'undo' });
    assert.equal(first.state, 'in-step');
    const receipt = await first.link.forceUpdate();
    assert.deepEqual([receipt.result, receipt.records], ['already-applied', 0]);
  });

  it('nobody has to greet for the standby to know what it is in step with', async () => {
    await inStep(...site);
    await second.reaches('in-step');
    for (const index of [1, 2]) {
      await first.commit(host(index));
      pair.frames.length = 0;
      await first.link.forceUpdate();
      await second.until(state => state.partner?.digest === first.store.head.digest);
      const { revision, common, established } = second.link.state.partner ?? {};
      const { head } = first.store;
      assert.deepEqual([revision, common, established], [head.revision, head.digest, true]);
      assert.deepEqual(
        pair.requests().map(({ type }) => type),
        ['update'],
      );
    }
    assert.deepEqual(
      second.store.branches.all(),
      [],
      'what the partner confirmed last is no change of its own',
    );
  });

  it('an update repeated is harmless', async () => {
    await inStep(...site);
    const { revision } = second.store.head;
    for (let time = 0; time < 3; time++) {
      const { result } = await first.link.forceUpdate();
      assert.equal(result, 'already-applied');
    }
    assert.equal(second.store.head.revision, revision);
  });

  it('commits during an update: each update holds one state, and the next brings the rest', async () => {
    await inStep(...site);
    await first.commit(...hosts(3_000));
    const states = new Set([second.store.head.digest, first.store.head.digest]);
    let committed: Promise<unknown> | undefined;
    pair.fate = ({ is }) => {
      if (is === 'request') committed ??= first.commit(remove('hosts/host-7'), host(9_999));
      return 'arrives';
    };
    second.store.watch(({ digest }) => assert.ok(states.has(digest), 'a state of the active unit'));
    await first.link.forceUpdate();
    await committed;
    assert.equal(first.state, 'behind');
    states.add(first.store.head.digest);
    await first.link.forceUpdate();
    await assertEqual();
  });

  it('by itself, when the interval has passed; or at once, on every commit', async () => {
    await inStep(...site);
    await first.commit(host(1));
    assert.equal(first.state, 'behind');
    first.link.due();
    await first.reaches('in-step');
    await assertEqual();
    first.facts.everyCommit = true;
    first.link.ownChanged();
    await first.commit(host(2));
    await first.reaches('in-step');
    await assertEqual();
  });
});

describe('a standby that holds something else', () => {
  afterEach(() => pair.close());

  it('an empty one gets everything, in several frames', async () => {
    await inStep();
    await first.commit(...site, ...hosts(5_000).map((change, index) => withComment(change, index)));
    assert.equal(second.store.head.digest, EMPTY_DIGEST);
    crossed();
    const receipt = await first.link.forceUpdate();
    assert.equal(receipt.records, first.store.head.records);
    assert.ok(crossed().length >= 2, 'several frames');
    await assertEqual();
    assert.equal((await historyOf(second)).length, 1);
  });

  it('one that drifted is made equal, and only what differs crosses', async () => {
    await inStep(...site, ...hosts(500));
    await driftOn(second, host(1, 99), host(2, 99), remove('hosts/host-3'), put('users/mallory', {}));
    crossed();
    pair.timers.advance(5_000); // a heartbeat tells the active unit
    await first.until(state => state.partner?.digest === second.store.head.digest);
    const { records } = await first.link.forceUpdate();
    assert.equal(records, 4);
    const paths = crossed().flatMap(({ changes }) => changes.map(({ path }) => path));
    assert.deepEqual(paths.sort(), ['hosts/host-1', 'hosts/host-2', 'hosts/host-3', 'users/mallory']);
    await assertEqual();
  });

  it('one that drifted since its last word refuses the base, and is mended by the same Force Update', async () => {
    await inStep(...site);
    await driftOn(second, put('users/mallory', {}));
    const { result, records } = await first.link.forceUpdate();
    assert.deepEqual([result, records], ['applied', 1]);
    assert.equal(await second.store.read('users/mallory'), undefined);
    await assertEqual();
  });

  it('one with a configuration of its own, from before the pairing, gets that of the active unit', async () => {
    pair = await MemoryPair.open('disk');
    ({ first, second } = pair);
    await first.commit(...site, ...hosts(50));
    await driftOn(
      second,
      ...hosts(80).slice(40),
      put('users/grace', {}),
      put('time', { timeZone: 'Asia/Tokyo' }),
    );
    await pair.connect();
    await first.reaches('in-step');
    await assertEqual();
    assert.deepEqual(await second.store.read('time'), { timeZone: 'Asia/Tokyo' });
  });

  it('a late greeting about an old state of the standby makes nobody compare for ever', async () => {
    await inStep(...site);
    const hello = greeting();
    first.link.heard({ ...hello, ...second.own(), clock: 0, digest: 'f'.repeat(64) });
    assert.equal(first.state, 'behind');
    const { result, records } = await first.link.forceUpdate();
    assert.deepEqual([result, records], ['already-applied', 0]);
    assert.equal(first.state, 'in-step');
  });
});

/** What the units greeted each other with first. */
function greeting(): Hello {
  const found = pair.requests().find(({ type }) => type === 'hello');
  const { type: _type, id: _id, ...hello } = found as Extract<typeof found, { type: 'hello' }>;
  return hello;
}

describe('an update that is interrupted', () => {
  afterEach(() => pair.close());

  it('a partner that greets all the time is dialled none the later', async () => {
    await inStep(...site);
    const hello = greeting();
    pair.cut();
    assert.equal(second.state, 'unreachable');
    for (let passed = 0; passed <= 500; passed += 100) {
      second.link.heard({ ...hello, ...first.own(), clock: 0 });
      pair.timers.advance(100);
    }
    await second.until(state => state.link === 'up');
  });

  it('between two frames leaves the standby as it was, and the next one gets in', async () => {
    await inStep(...site);
    await first.commit(...hosts(5_000).map((change, index) => withComment(change, index)), remove(SERVICE));
    const before = { head: { ...second.store.head }, shared: await second.shared() };
    let frames = 0;
    pair.fate = ({ payload }) => (payload.includes('"type":"update"') && ++frames === 2 ? 'cut' : 'arrives');
    await assert.rejects(first.link.forceUpdate(), { code: 'partner-unreachable' });
    assert.equal(frames, 2);
    assert.equal(first.state, 'unreachable');
    assert.deepEqual({ head: { ...second.store.head }, shared: await second.shared() }, before);
    await pair.reconnect();
    await first.reaches('in-step');
    await assertEqual();
  });

  it('after the standby took it, but before its receipt arrived: the next one finds it there', async () => {
    await inStep(...site);
    await first.commit(...hosts(10));
    pair.fate = ({ payload }) => (payload.includes('"type":"receipt"') ? 'cut' : 'arrives');
    await assert.rejects(first.link.forceUpdate(), { code: 'partner-unreachable' });
    await assertEqual();
    pair.fate = () => 'arrives';
    await pair.reconnect();
    await first.reaches('in-step');
    const { result } = await first.link.forceUpdate();
    assert.equal(result, 'already-applied');
  });

  it('by a standby that says nothing more: after a minute the operator is told', async () => {
    await inStep(...site);
    await first.commit(...hosts(10));
    pair.fate = ({ is, payload }) => (is === 'reply' && payload.includes('"receipt"') ? [] : 'arrives');
    const told = assert.rejects(first.link.forceUpdate(), { code: 'partner-unreachable' });
    await second.until(state => state.own.digest === first.store.head.digest);
    pair.timers.advance(60_000);
    await told;
  });

  it('by nothing, over a line so slow that it takes minutes: it has time as long as its frames move', async () => {
    await inStep(...site);
    await first.commit(...hosts(10_000).map((change, index) => withComment(change, index)));
    let frames = 0;
    pair.fate = ({ payload }) => {
      if (payload.includes('"type":"update"')) {
        frames++;
        pair.timers.advance(20_000);
      }
      return 'arrives';
    };
    const { ms } = await first.link.forceUpdate();
    assert.ok(frames >= 4 && ms > 60_000, `${frames} frames in ${ms} ms`);
    await assertEqual();
  });

  it('at every frame in turn: the standby never holds a mixture', async () => {
    await inStep(...site);
    const states = [second.store.head.digest];
    second.store.watch(({ digest }) => assert.ok(states.includes(digest), 'a state of the active unit'));
    for (let cut = 1; cut <= 8; cut++) {
      await first.commit(
        host(cut),
        host(cut + 100),
        remove(cut === 1 ? 'users/ada' : `hosts/host-${cut - 1}`),
      );
      states.push(first.store.head.digest);
      let frames = 0;
      pair.fate = () => (++frames === cut ? 'cut' : 'arrives');
      const outcome = first.link.forceUpdate().catch(() => undefined);
      if (cut > 2) pair.timers.advance(5_000); // heartbeats are frames too
      await outcome;
      pair.cut();
      pair.fate = () => 'arrives';
      await pair.reconnect();
      await first.reaches('in-step');
      await assertEqual();
    }
  });
});

describe('an update that the standby refuses', () => {
  afterEach(() => pair.close());

  it('one record that no frame can hold: told to the operator, and nothing is sent', async () => {
    await inStep(...site);
    await first.commit(put(SERVICE, { extraPorts: portRanges(LARGEST_RECORD_BYTES) }));
    crossed();
    await assert.rejects(first.link.forceUpdate(), { code: 'too-large' });
    assert.deepEqual(crossed(), []);
    assert.equal(first.state, 'refused');
  });

  /** Forged frames, spoken to the standby by somebody with the key of the active unit. */
  async function refused(
    changes: UpdateMessage['changes'],
    header: Partial<UpdateMessage> = {},
  ): Promise<string> {
    const before = {
      head: { ...second.store.head },
      shared: await second.shared(),
      own: await second.ownHalves(),
    };
    const speaker = pair.speakTo(second);
    const hello = greetingOf(first.own(), 0);
    assert.equal((await speaker.ask({ type: 'hello', id: 1, ...hello })).type, 'hello-too');
    const code = await speaker.refusalOf({
      type: 'update',
      id: 2,
      changeId: 'forged',
      sequence: 0,
      last: true,
      epoch: 1,
      base: second.store.head.digest,
      target: 'f'.repeat(64),
      revision: 99,
      brought: [],
      provisional: null,
      confirmed: '',
      changes,
      ...header,
    });
    const after = {
      head: { ...second.store.head },
      shared: await second.shared(),
      own: await second.ownHalves(),
    };
    assert.deepEqual(after, before, 'nothing was changed');
    assert.equal(second.refusals.at(-1)?.code, code, 'and it was logged');
    return code;
  }

  it('with anything of a unit alone in what would be undone, also when nothing else changes', async () => {
    await inStep(...site, put('users/bal', {}));
    const note = { id: 'a', author: 'eve', reason: '', at: '', minutes: 1, msLeft: 1 };
    const undone: UpdateMessage['changes'] = [
      { path: 'users/bal', value: {}, undo: { passwordHash: '$scrypt$mine' } },
      { path: 'host', value: {}, undo: { hostname: 'mine' } },
    ];
    for (const change of undone) {
      assert.equal(await refused([change], { provisional: note }), 'unit-scope', change.path);
      const target = second.store.head.digest;
      assert.equal(await refused([change], { provisional: note, target }), 'unit-scope', change.path);
    }
  });

  it('with anything that belongs to a unit alone, whatever the sender believes', async () => {
    await inStep(...site, put('interfaces/eth0', { address: '10.9.0.11' }), put('users/bal', {}));
    await second.commit({ op: 'set', path: 'interfaces/eth0', field: ['address'], value: '10.9.0.12' });
    const hash = `$scrypt$ln=15,r=8,p=1$${'A'.repeat(22)}$${'B'.repeat(43)}`;
    const forged: UpdateMessage['changes'] = [
      { path: 'users/bal', value: { passwordHash: hash } },
      { path: 'interfaces/eth0', value: { address: '10.9.0.13' } },
      { path: 'ha', value: { mode: 'second' } },
      { path: 'dns', value: { nameServers: [] } },
      { path: 'time', value: { timeZone: 'UTC' } },
      { path: 'time', value: {} },
      { path: 'time', value: null },
      { path: 'host', value: { hostname: 'taken' } },
      { path: 'licence', value: null },
      { path: 'routes/away', value: null },
    ];
    for (const change of forged) {
      assert.equal(await refused([change]), 'unit-scope', change.path);
      assert.equal(await refused([{ path: 'users/eve', value: {} }, change]), 'unit-scope', change.path);
    }
  });

  it('with records of no kind, or under ids that are none', async () => {
    await inStep(...site);
    for (const path of ['nonsense', 'nonsense/x', '', 'hosts', 'virtualServices', `${SERVICE}/nickname`]) {
      assert.equal(await refused([{ path, value: {} }]), 'unknown-path', path);
    }
    for (const path of [
      'users/__proto__',
      'users/constructor',
      'users/..',
      'users/a b',
      'users/a\0b',
      'users/😀',
    ]) {
      assert.equal(await refused([{ path, value: {} }]), 'bad-id', path);
    }
  });

  it('with records that are not valid, refer to nothing, have no parent, or come twice', async () => {
    await inStep(...site);
    const orphan = 'virtualServices/tcp:10.1.0.9:80/realServers/10.2.0.1:80';
    assert.equal(await refused([{ path: 'hosts/a', value: { address: 'nowhere' } }]), 'invalid-value');
    assert.equal(
      await refused([{ path: 'hosts/a', value: { address: '10.0.0.1', more: 1 } }]),
      'invalid-value',
    );
    assert.equal(
      await refused([{ path: orphan, value: { address: '10.2.0.1', port: 80 } }]),
      'parent-missing',
    );
    assert.equal(await refused([{ path: 'rules/strip-www', value: null }]), 'dangling-reference');
    const twice = { path: 'users/eve', value: {} };
    assert.equal(await refused([twice, twice]), 'bad-message');
  });

  it('that does not give the state that it promises', async () => {
    await inStep(...site);
    assert.equal(await refused([{ path: 'users/eve', value: {} }]), 'digest-differs');
    assert.equal(await refused([]), 'digest-differs');
  });

  it('from another base, of an epoch that is over, or for a unit that is active', async () => {
    await inStep(...site);
    assert.equal(await refused([], { base: 'a'.repeat(64) }), 'base-differs');
    await second.store.setRole('standby', 5);
    assert.equal(await refused([], { epoch: 4 }), 'stale-epoch');
    await second.store.setRole('active', 6);
    assert.equal(await refused([], { epoch: 7 }), 'not-standby');
  });

  it('of another pair, another model, from a standby, or before a greeting', async () => {
    await inStep(...site);
    for (const fact of ['pairId', 'model'] as const) {
      const { [fact]: mine } = first.facts;
      first.facts[fact] = 'other';
      assert.equal(await refused([]), 'mismatch', fact);
      first.facts[fact] = mine;
    }
    await first.store.setRole('standby', 1);
    assert.equal(await refused([]), 'bad-message');
  });

  it('poisoned, or not a message at all: the connection ends, and nothing else', async () => {
    await inStep(...site);
    const before = await second.shared();
    for (const payload of [
      '{"type":"update","id":1,"changes":[{"path":"ha","value":{"__proto__":{}}}]}',
      'nonsense',
      '',
    ]) {
      const speaker = pair.speakTo(second);
      speaker.say(Buffer.from(payload));
      assert.match(await speaker.closed, /closed the channel/);
    }
    assert.equal(Object.keys(Object.prototype).length, 0);
    assert.deepEqual(await second.shared(), before);
    assert.equal((await first.link.forceUpdate()).result, 'already-applied');
  });

  it('asked for parts of the digest tree that are not there', async () => {
    await inStep(...site);
    const speaker = pair.speakTo(second);
    await speaker.ask({ type: 'hello', id: 1, ...greetingOf(first.own(), 0) });
    assert.equal(await speaker.refusalOf({ type: 'compare', id: 2, nodes: [[3, 0]] }), 'bad-message');
    assert.equal(await speaker.refusalOf({ type: 'compare', id: 3, nodes: [[2, 1024]] }), 'bad-message');
    assert.equal(await speaker.refusalOf({ type: 'list', id: 4, buckets: [32_768] }), 'bad-message');
  });

  it('for what the standby has of its own is told to the operator, and mended there', async () => {
    await inStep(...site, put('interfaces/eth0', {}));
    await second.commit({ op: 'set', path: 'interfaces/eth0', field: ['address'], value: '10.1.0.77' });
    await first.commit(put('virtualServices/tcp:10.1.0.77:80', {}));
    await assert.rejects(first.link.forceUpdate(), { code: 'rule-broken' });
    assert.equal(first.state, 'refused');
    await second.commit({ op: 'set', path: 'interfaces/eth0', field: ['address'], value: '10.1.0.78' });
    await first.link.forceUpdate();
    assert.equal(first.state, 'in-step');
    await assertEqual();
  });
});

describe('takeover over the wire', () => {
  afterEach(() => pair.close());

  it('the last change goes along, and then updates run the other way', async () => {
    await inStep(...site);
    await first.commit(host(1));
    const { epoch, partnerSteppedDown } = await second.link.takeOver(false);
    assert.deepEqual([epoch, partnerSteppedDown], [2, true]);
    assert.deepEqual([first.store.head.role, second.store.head.role], ['standby', 'active']);
    assert.deepEqual([first.store.head.epoch, second.store.head.epoch], [2, 2]);
    await assertEqual();
    await second.commit(host(2));
    await second.link.forceUpdate();
    await assertEqual();
    await assert.rejects(first.commit(host(3)), { code: 'not-active' });
    await assert.rejects(first.link.forceUpdate(), { code: 'not-active' });
  });

  it('without the partner; the old active unit, with nothing unsent, stands down when it is back', async () => {
    await inStep(...site);
    pair.reachable = false;
    pair.cut();
    await second.link.takeOver(false);
    await second.commit(host(2));
    assert.deepEqual([first.store.head.role, second.store.head.role], ['active', 'active']);
    await pair.reconnect();
    await first.until(state => state.own.role === 'standby');
    await second.reaches('behind');
    await second.link.forceUpdate();
    await assertEqual();
  });

  it('without the partner; the old active unit, with changes unsent, waits for the operator, who loses none', async () => {
    await inStep(...site);
    pair.reachable = false;
    pair.cut();
    await first.commit(host(1));
    await second.link.takeOver(false);
    await second.commit(host(2));
    await pair.reconnect();
    await first.reaches('both-active');
    await second.reaches('both-active');
    await assert.rejects(second.link.takeOver(false), {
      code: 'takeover-incomplete',
      message: /^Both units are active/,
      hint: /lockstep takeover --force on the unit that is to stay active/,
    });
    await assert.rejects(first.link.forceUpdate(), { code: 'both-active', hint: /takeover --force/ });
    await second.link.takeOver(true);
    await second.until(state => state.partner?.role === 'standby');
    await second.link.forceUpdate();
    await assertEqual();
    const kept = await first.store.diff(1, 2);
    assert.deepEqual(
      kept.map(({ path }) => path),
      ['hosts/host-1'],
    );
  });

  it('the partner is frozen: after a minute the operator is told what this unit is, and typing it again takes over alone', async () => {
    await inStep(...site);
    pair.fate = ({ payload }) => (payload.includes('"type":"step-down"') ? [] : 'arrives');
    const asked = assert.rejects(second.link.takeOver(false), {
      code: 'partner-unreachable',
      message: /did not answer within 60 s\)\. This unit is still standby/,
      hint: /while first is not seen, this unit takes over without it/,
      facts: { role: 'standby', epoch: 1 },
    });
    pair.timers.advance(60_000);
    await asked;
    pair.reachable = false;
    pair.cut();
    await second.reaches('unreachable');
    assert.deepEqual(await second.link.takeOver(false), { epoch: 2, partnerSteppedDown: false });
  });

  it('the answer of the partner is lost: nobody is active, and typing it again ends that', async () => {
    await inStep(...site);
    pair.fate = ({ payload }) => (payload.includes('"type":"stepped-down"') ? 'cut' : 'arrives');
    await assert.rejects(second.link.takeOver(false), {
      code: 'partner-unreachable',
      message:
        /first was asked to step down and did not answer \(.*\)\. This unit is still standby, in epoch 1; first may have/,
      hint: /Type lockstep takeover again/,
    });
    pair.fate = () => 'arrives';
    await pair.reconnect();
    await second.reaches('no-active');
    await second.link.takeOver(false);
    assert.deepEqual([first.store.head.role, second.store.head.role], ['standby', 'active']);
  });
});

/** Port ranges that take this many bytes as JSON. */
function portRanges(bytes: number): string[] {
  return Array.from(
    { length: Math.ceil(bytes / 14) },
    (_, index) => `${10_000 + (index >> 15)}-${30_000 + (index & 32_767)}`,
  );
}

/** Longer records, so that fewer of them fill a frame. */
function withComment(change: Change, index: number): Change {
  return change.op === 'put' ? put(`users/user-${index}`, { comment: `${index} `.padEnd(200, 'x') }) : change;
}

/** Changes shared configuration on a standby, as a person at its disk could. */
async function driftOn(unit: MemoryUnit, ...changes: Change[]): Promise<void> {
  const { epoch } = unit.store.head;
  unit.silent = true;
  await unit.store.setRole('active', epoch);
  await unit.commit(...changes);
  await unit.store.setRole('standby', epoch);
  unit.silent = false;
}

async function historyOf(unit: MemoryUnit): Promise<Revision[]> {
  const revisions: Revision[] = [];
  for await (const revision of unit.store.history()) revisions.push(revision);
  return revisions;
}
