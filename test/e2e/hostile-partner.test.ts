import assert from 'node:assert/strict';
import path from 'node:path';
import { loadCatalog } from '../../schema/catalog.ts';
import { RULES } from '../../schema/rules/index.ts';
import { openLmdb } from '../../store/lmdb/lmdb.ts';
import { Store } from '../../store/store.ts';
import type { Hello, UpdateMessage } from '../../sync/message.ts';
import { pairUp, TestUnit, temporaryFolder, untilInStep } from './daemon.ts';
import { Impostor } from './impostor.ts';

const DEPTH = 1_000_000;

/** Frames after which nothing more of this connection is believed. */
const NO_MESSAGES: [name: string, payload: string][] = [
  ['what is not JSON', 'give me your configuration'],
  ['half a message', '{"type":"hello","id":1,'],
  ['bytes that are no text', '\ud800{"type":"hello"}'],
  ['JSON a million levels deep', `${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}`],
  [
    'a record 65 levels deep',
    `{"type":"update","changes":[{"value":${'{"a":'.repeat(65)}1${'}'.repeat(65)}}]}`,
  ],
  ['a type that does not exist', '{"type":"shutdown","id":1}'],
  ['a type that JavaScript knows', '{"type":"constructor","id":1}'],
  ['__proto__ in the message', '{"type":"hello","id":1,"__proto__":{"role":"active"}}'],
  ['__proto__ in a record', '{"type":"update","changes":[{"path":"hosts/a","value":{"__proto__":{"x":1}}}]}'],
  ['a reply that nobody asked for', '{"type":"confirmed","re":1}'],
  ['a greeting of 5 KB', JSON.stringify({ type: 'hello', id: 1, name: 'x'.repeat(5_000) })],
];

describe('somebody with the keys of the partner', function () {
  this.timeout(60_000);
  const { folder, remove } = temporaryFolder();
  const ha1 = new TestUnit(path.join(folder, 'ha1'), '127.0.68.1');
  const ha2 = new TestUnit(path.join(folder, 'ha2'), '127.0.68.2');
  let impostor: Impostor;
  let stood: { revision: number; digest: string; epoch: number; role: string };

  const standing = async (): Promise<typeof stood> => {
    const { revision, digest, epoch, role } = (await ha2.status()).unit;
    return { revision, digest, epoch, role };
  };
  const refusalsCounted = async (reason: string): Promise<number> => {
    const line = new RegExp(`^lockstep_refusals_total\\{reason="${reason}"\\} (\\d+)$`, 'm');
    return Number(line.exec((await ha2.http('GET', '/metrics')).text)?.[1] ?? 0);
  };
  const update = (more: Partial<UpdateMessage> = {}): UpdateMessage => ({
    type: 'update',
    id: 2,
    changeId: 'change',
    sequence: 0,
    last: true,
    epoch: stood.epoch,
    base: stood.digest,
    target: 'f'.repeat(64),
    revision: 9,
    brought: [],
    provisional: null,
    confirmed: '',
    changes: [{ path: 'hosts/evil.example', value: { address: '10.6.6.6' } }],
    ...more,
  });

  before(async () => {
    await Promise.all([ha1.init({ mode: 'first', name: 'lb1' }), ha2.init({ mode: 'second', name: 'lb2' })]);
    await Promise.all([ha1.start(), ha2.start()]);
    await pairUp(ha1, ha2);
    await ha1.api.call('change', {
      changes: [{ op: 'put', path: 'hosts/db.example', value: { address: '10.0.0.7' } }],
    });
    await ha1.api.call('forceUpdate');
    await untilInStep(ha1, ha2);
    await ha1.stop();
    impostor = new Impostor(ha1, ha2);
  });
  beforeEach(async () => {
    stood = await standing();
  });
  after(async () => {
    await Promise.all([ha1.stop(), ha2.stop()]);
    remove();
  });

  describe('says what no unit says', () => {
    afterEach('nothing was changed', async () => assert.deepEqual(await standing(), stood));

    for (const [name, payload] of NO_MESSAGES) {
      it(`${name}: the connection is over`, async () => {
        const conversation = await impostor.call();
        conversation.say(payload);
        assert.match(await conversation.closed, /closed/);
      });
    }

    for (const [name, header] of [
      ['a frame of length 0', 0],
      ['a frame of 4 GB', 0xffffffff],
    ] as const) {
      it(`${name}: the connection is over`, async () => {
        const { stream, closed } = await impostor.raw();
        const bytes = Buffer.alloc(4);
        bytes.writeUInt32BE(header);
        stream.write(bytes);
        await closed;
      });
    }

    it('each is counted; the log has one line for all of a kind', async () => {
      const bad = NO_MESSAGES.length - 1; // one of them is too large instead
      assert.deepEqual(
        [
          await refusalsCounted('bad-message'),
          await refusalsCounted('too-large'),
          await refusalsCounted('connection'),
        ],
        [bad, 1, 2],
      );
      const lines = ha2.log.filter(({ msg }) => msg === 'message refused' || msg === 'connection refused');
      assert.deepEqual(
        lines.map(({ code, reason }) => code ?? reason),
        ['bad-message', 'too-large', 'what was sent is no frame'],
      );
    });
  });

  describe('sends an update that is not one of the pair', () => {
    const cases: [name: string, code: string, hello: Partial<Hello>, more: Partial<UpdateMessage>][] = [
      ['as a standby', 'bad-message', { role: 'standby' }, {}],
      ['of another pair', 'mismatch', { pairId: 'another' }, {}],
      ['in the mode of the receiver', 'mismatch', { mode: 'second' }, {}],
      ['of another model', 'mismatch', { model: '6.6.6' }, {}],
      ['from a lower epoch', 'stale-epoch', {}, { epoch: 0 }],
      ['whose frames are out of order', 'bad-message', {}, { sequence: 1 }],
      ['for another state', 'base-differs', {}, { base: 'e'.repeat(64) }],
      ['that gives another state than it says', 'digest-differs', {}, {}],
      [
        'with a kind of unit scope',
        'unit-scope',
        {},
        { changes: [{ path: 'host', value: { hostname: 'mine' } }] },
      ],
      [
        'with a field of unit scope',
        'unit-scope',
        {},
        { changes: [{ path: 'users/bal', value: { passwordHash: '$scrypt$mine' } }] },
      ],
      [
        'with a record that is not valid',
        'invalid-value',
        {},
        { changes: [{ path: 'hosts/a.example', value: { address: 7 } }] },
      ],
    ];
    afterEach('nothing was changed', async () => assert.deepEqual(await standing(), stood));

    for (const [name, code, hello, more] of cases) {
      it(`${name}: refused as ${code}`, async () => {
        const conversation = await impostor.call();
        const greeting = { type: 'hello' as const, id: 1, ...(await impostor.hello(hello)) };
        assert.equal(await conversation.outcome(greeting), 'hello-too');
        assert.equal(await conversation.outcome(update(more)), code);
        conversation.close();
      });
    }

    it('before it greets: refused as bad-message', async () => {
      const conversation = await impostor.call();
      assert.equal(await conversation.outcome(update()), 'bad-message');
      conversation.close();
    });

    it('a step-down in an epoch that is over: refused as stale-epoch', async () => {
      const conversation = await impostor.call();
      await conversation.ask({ type: 'hello', id: 1, ...(await impostor.hello()) });
      const request = {
        type: 'step-down',
        id: 2,
        epoch: stood.epoch,
        force: true,
        digest: stood.digest,
      } as const;
      assert.equal(await conversation.outcome(request), 'stale-epoch');
      conversation.close();
    });

    it('a second pairing over the connection of the partner: refused as already-paired', async () => {
      const conversation = await impostor.call();
      const join = {
        type: 'join',
        id: 1,
        proof: '',
        name: 'x',
        unitId: 'x',
        mode: 'first',
        pairId: '',
      } as const;
      const keys = { hostKey: impostor.partner.hostKey, clientKey: impostor.partner.clientKey };
      assert.equal(await conversation.outcome({ ...join, ...keys, host: '', port: 1 }), 'already-paired');
      conversation.close();
    });
  });

  describe('says again what was said before', () => {
    it('sends a good update again: once it changes nothing, later it is refused', async () => {
      const [first, second] = await twoChanges();
      const conversation = await impostor.call();
      await conversation.ask({ type: 'hello', id: 1, ...(await impostor.hello()) });
      const reply = await conversation.ask(first);
      assert.equal(reply !== 'closed' && reply.type === 'receipt' && reply.result, 'applied');
      const once = await standing();
      const again = await conversation.ask({ ...first, changeId: 'again' });
      assert.equal(again !== 'closed' && again.type === 'receipt' && again.result, 'already-applied');
      assert.deepEqual(await standing(), once);
      assert.equal(await conversation.outcome(second), 'receipt');
      const twice = await standing();
      assert.equal(await conversation.outcome({ ...first, changeId: 'much later' }), 'base-differs');
      assert.deepEqual(await standing(), twice);
      conversation.close();
    });

    it('and when the true partner is back, the pair is in step', async () => {
      await ha1.start();
      await untilInStep(ha1, ha2);
    });
  });

  /** Two updates that the robbed unit could have sent, one after the other; it holds them itself. */
  async function twoChanges(): Promise<[UpdateMessage, UpdateMessage]> {
    const port = openLmdb(path.join(ha1.dir, 'store'));
    const store = await Store.open({ port, catalog: loadCatalog(), rules: RULES, now: () => new Date() });
    const made: UpdateMessage[] = [];
    for (const name of ['one', 'two']) {
      const base = store.head.digest;
      const change = { path: `hosts/${name}.example`, value: { address: '10.0.0.1' } };
      await store.commit({
        changes: [{ op: 'put', ...change }],
        kind: 'change',
        author: 'ada',
        reason: name,
      });
      made.push(update({ changeId: name, base, target: store.head.digest, changes: [change] }));
    }
    await store.close();
    return made as [UpdateMessage, UpdateMessage];
  }
});
