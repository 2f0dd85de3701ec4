import assert from 'node:assert/strict';
import { LockstepError } from '../../schema/error.ts';
import type { Channel } from '../../sync/channel.ts';
import { parseReply, parseRequest } from '../../sync/message-format.ts';
import { tellPacified } from '../../sync/pacified.ts';
import { updateRefusal } from '../../sync/pair-state.ts';
import { channelPair, type Fate } from './channel-in-memory.ts';
import { A, B, ownFacts, partnerHello } from './facts.ts';
import { ManualTimers } from './manual-timers.ts';
import { MemoryPair } from './pair-in-memory.ts';
import { Script } from './script.ts';

describe('a pacified partner', () => {
  let pair: MemoryPair;

  beforeEach(async () => {
    pair = await MemoryPair.open('memory');
    for (const unit of [pair.first, pair.second]) unit.facts.bothWays = true;
  });
  afterEach(() => pair.close());

  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn++) await new Promise(resolve => setImmediate(resolve));
  };

  /** The second unit says to the first what a pacified unit says. Returns what ends it. */
  function call(sent: Buffer[] = []): () => void {
    const keep = (payload: Buffer): Fate => {
      sent.push(payload);
      return 'arrives';
    };
    const dial = async (): Promise<Channel> => {
      const { left, right } = channelPair({ left: keep, right: () => 'arrives' });
      pair.first.welcome(right);
      return left;
    };
    const { timers } = pair;
    return tellPacified({ timers, dial, own: () => pair.second.own(), clock: () => pair.second.clock });
  }

  it('is known as one, and is as unreachable as before', async () => {
    pair.unreachable.add('second');
    pair.first.link.start();
    const end = call();
    await pair.first.until(({ partner }) => partner?.pacified === true);
    await turns();
    pair.timers.advance(2_000); // a connection that could be asked on would be taken now
    await turns();
    assert.deepEqual([pair.first.state, pair.first.link.via], ['unreachable', undefined]);
    await assert.rejects(pair.first.link.forceUpdate(), {
      code: 'partner-unreachable',
      hint: /lockstep resume on second/,
    });
    assert.deepEqual(pair.second.taken, []);
    end();
  });

  it('ends what was left of a connection, and is a partner again when it greets as one', async () => {
    await pair.connect();
    const end = call();
    await pair.first.reaches('unreachable');
    assert.equal(pair.first.link.state.partner?.pacified, true);
    end();
    await pair.reconnect();
    assert.equal(pair.first.link.state.partner?.pacified, undefined);
    await pair.first.put('hosts/a', { address: '10.0.0.1' });
    await pair.first.link.forceUpdate();
    assert.equal(pair.first.state, 'in-step');
  });

  it('says one greeting each 30 seconds, answers nothing, and is silent once it is resumed', async () => {
    const sent: Buffer[] = [];
    const end = call(sent);
    await turns();
    pair.timers.advance(29_000);
    await turns();
    assert.equal(sent.length, 1);
    pair.timers.advance(1_000);
    await turns();
    end();
    pair.timers.advance(100_000);
    await turns();
    const said = sent.map(payload => parseRequest(payload));
    assert.deepEqual(
      said.map(({ type }) => type),
      ['hello', 'hello'],
    );
    for (const hello of said)
      assert.ok(hello.type === 'hello' && hello.pacified === true && hello.bothWays === undefined);
  });

  it('is silent, too, where it is resumed while it still dials', async () => {
    const { left, right } = channelPair({ left: () => 'arrives', right: () => 'arrives' });
    let reached = (_channel: Channel): void => undefined;
    const dial = () => new Promise<Channel>(resolve => (reached = resolve));
    const own = () => ownFacts();
    const end = tellPacified({ timers: new ManualTimers(), dial, own, clock: () => ({ wall: 0 }) });
    end();
    reached(left);
    const heard: Buffer[] = [];
    right.onFrame(payload => void heard.push(payload));
    const closed = new Promise(resolve => right.onClose(resolve));
    await closed;
    assert.deepEqual(heard, []);
  });

  it('calls again where nobody answered', async () => {
    const timers = new ManualTimers();
    let dialled = 0;
    const dial = async (): Promise<Channel> => {
      dialled++;
      throw new LockstepError('partner-unreachable', 'Nobody is there.');
    };
    const end = tellPacified({ timers, dial, own: () => ownFacts(), clock: () => ({ wall: 0 }) });
    await turns();
    timers.advance(30_000);
    await turns();
    end();
    assert.equal(dialled, 2);
  });

  it('attack: is refused whatever it asks beside', async () => {
    const { left, right } = channelPair({ left: () => 'arrives', right: () => 'arrives' });
    pair.first.welcome(right);
    const refused = new Promise<string>(resolve =>
      left.onFrame(payload => {
        const reply = parseReply(payload);
        if (reply.type === 'error') resolve(reply.error.code);
      }),
    );
    const hello = { ...partnerHello({ name: 'second', role: 'standby' }), pacified: true, bothWays: true };
    await left.send(Buffer.from(JSON.stringify({ type: 'hello', id: 1, ...hello })));
    const ask = { type: 'step-down', id: 2, epoch: 9, force: true, digest: B };
    await left.send(Buffer.from(JSON.stringify(ask)));
    assert.equal(await refused, 'pacified');
    assert.equal(pair.first.store.head.role, 'active');
  });

  it('nobody stands down for it, and no update goes out', () => {
    const script = Script.linked();
    const ahead = { role: 'active', epoch: 5, pacified: true } as const;
    script.whenHeard(ahead).is('unreachable').whenHeard(ahead).is('unreachable');
    assert.equal(updateRefusal(script.state)?.code, 'partner-unreachable');
    script.whenOwn({ digest: B, everyCommit: true }).whenOwn({ digest: A });
    script.whenOwn({ fellBack: { revision: 1, from: 2, at: '', own: false } });
  });
});
