import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { realTimers } from '../../../host/timers.ts';
import { openMemory } from '../../../store/memory.ts';
import { Store } from '../../../store/store.ts';
import { bothWays } from '../../../sync/both-ways.ts';
import type { Channel } from '../../../sync/channel.ts';
import type { Hello } from '../../../sync/message.ts';
import { encodeMessage, parseRequest } from '../../../sync/message-format.ts';
import { decodeCode, join as joinPair, type Self } from '../../../sync/pairing.ts';
import { dial } from '../../../sync/ssh/client.ts';
import { fingerprint, generateKeyPair, type KeyPair, publicBlob } from '../../../sync/ssh/keys.ts';
import { type Listener, listen } from '../../../sync/ssh/server.ts';
import { Events } from '../../../unit/events.ts';
import { Metrics } from '../../../unit/metrics.ts';
import { Pair } from '../../../unit/pair/pair.ts';
import { writePartner } from '../../../unit/pair/partner.ts';
import { Health } from '../../../unit/store-care/health.ts';
import { StartCounter } from '../../../unit/store-care/starts.ts';
import { catalog } from '../../sync/pair-in-memory.ts';

const QUIET = { info: () => {}, warn: () => {}, error: () => {}, debug: () => {} } as never;
const LOOPBACK = '127.0.0.1';
/** Keys and a name: whatever the survivor knows of another unit. */
class Machine {
  readonly name: string;
  readonly host: KeyPair = generateKeyPair('host');
  readonly client: KeyPair = generateKeyPair('client');

  constructor(name: string) {
    this.name = name;
  }

  get self(): Self {
    const { name, host, client } = this;
    return { unitId: name, name, mode: 'second', hostKey: host.public, clientKey: client.public };
  }
}

function until<Value>(): { reached: Promise<Value>; reach(value: Value): void } {
  let reach: (value: Value) => void = () => undefined;
  const reached = new Promise<Value>(resolve => {
    reach = resolve;
  });
  return { reached, reach: value => reach(value) };
}

describe('a partner is replaced', () => {
  const [survivor, old, next] = [new Machine('survivor'), new Machine('old'), new Machine('next')];
  let folder: string;
  let pair: Pair;
  let oldListens: Listener;
  let called: Promise<Channel>;
  const inStep = until<void>();
  const examined = until<void>();

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lockstep-pair-'));
    const call = until<Channel>();
    called = call.reached;
    oldListens = await listen({
      address: LOOPBACK,
      port: 0,
      hostKey: old.host.private,
      admit: key => (key.equals(publicBlob(survivor.client.public)) ? 'partner' : undefined),
      onChannel: channel => call.reach(channel),
      onRefusal: () => undefined,
    });
    pair = await survivorOf(old);
  });
  after(async () => {
    await pair?.stop();
    await oldListens?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function survivorOf(partner: Machine): Promise<Pair> {
    const partnerFile = join(folder, 'partner.json');
    const at = { host: LOOPBACK, port: oldListens.port };
    await writePartner(partnerFile, { ...partner.self, ...at, pairId: 'pair-1' });
    const now = () => new Date();
    const events = new Events(QUIET);
    const clock = () => ({ wall: Date.now(), uptime: performance.now(), bootId: 'one' });
    const store = await Store.open({ port: openMemory(), catalog, rules: [], now });
    const seen = (facts: { state?: string }, message?: string): void => {
      if (message === 'sync state' && facts.state !== 'greeting') inStep.reach();
    };
    const pair = await Pair.open({
      store,
      catalog,
      dir: folder,
      facts: { id: survivor.name, port: 0, createdAt: '' },
      identity: { name: survivor.name, mode: 'first', model: 'generic', release: '1.0.0' },
      hostKey: survivor.host,
      clientKey: survivor.client,
      partnerFile,
      listenAddress: LOOPBACK,
      port: 0,
      intervalSeconds: 3_600,
      everyCommit: false,
      timers: realTimers,
      now,
      clock,
      starts: await StartCounter.open(store, clock(), QUIET),
      log: { info: seen, warn: () => {}, error: () => {}, debug: () => {} } as never,
      metrics: new Metrics(),
      health: Health.open({ file: join(folder, 'damage.json'), events, log: QUIET, now }),
      events,
      fileCounts: () => ({ waiting: 0, unwritten: 0 }),
    });
    await pair.start({
      serveOperator: stream => stream.destroy(),
      examine: async () => {
        await examined.reached;
        return {};
      },
    });
    return pair;
  }

  /** The old unit asks on the connection that the survivor dialled; its last greeting waits until `examined`. */
  async function greetBehind(): Promise<void> {
    const { asking, answering } = bothWays(await called, 'the-partner');
    asking.onFrame(() => undefined);
    answering.onFrame(payload => {
      const request = parseRequest(payload);
      if (request.type !== 'hello') return;
      const { type: _type, id, ...theirs } = request;
      const hello: Hello = { ...theirs, unitId: old.name, name: old.name, mode: 'second' };
      void asking.send(encodeMessage({ type: 'hello', id: 1, ...hello }));
      void asking.send(encodeMessage({ type: 'examine', id: 2, nonce: 'a'.repeat(64) }));
      void asking.send(encodeMessage({ type: 'hello', id: 3, ...hello }));
      // In order behind them: whoever has this has those.
      void answering.send(encodeMessage({ type: 'hello-too', re: id, ...hello }));
    });
  }

  async function replaceBy(machine: Machine): Promise<void> {
    const invitation = await pair.invite(fingerprint(old.host.public));
    const { port } = pair.address;
    const channel = await dial({
      host: LOOPBACK,
      port,
      clientKey: machine.client.private,
      acceptHostKey: () => true,
      expected: fingerprint(survivor.host.public),
      timeoutMs: 5_000,
    });
    const own = { ...machine.self, host: LOOPBACK, port: 9, pairId: '' }; // nobody listens there
    const inviter = { hostKey: survivor.host.public, host: LOOPBACK, port };
    await joinPair(channel, own, decodeCode(invitation.code), inviter, async () => undefined);
    channel.close('pairing is over');
  }

  it('and a greeting of the old one that waited on a connection to it is not taken for one of the new one', async () => {
    await greetBehind();
    await inStep.reached;
    assert.equal(pair.knownPartner?.unitId, old.name);
    await replaceBy(next);
    examined.reach();
    for (let turns = 0; turns < 5; turns++) await setImmediate();
    assert.deepEqual(pair.knownPartner, { name: next.name, unitId: next.name, seen: false });
    assert.equal(pair.connections.link?.state.partner?.digest, undefined);
  });
});
