import assert from 'node:assert/strict';
import { LockstepError } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { Reply, Request } from '../../sync/message.ts';
import {
  encodeMessage,
  FRAME_LIMITS,
  MAX_BUCKETS,
  MAX_NODES,
  parseReply,
  parseRequest,
} from '../../sync/message-format.ts';
import { A, B, partnerHello } from './facts.ts';

const brought = {
  revision: 8,
  at: '2026-01-02T03:04:05Z',
  kind: 'change',
  author: 'ada',
  reason: 'why',
} as const;
const update: Request = {
  type: 'update',
  id: 2,
  changeId: 'one',
  sequence: 0,
  last: true,
  epoch: 1,
  base: A,
  target: B,
  revision: 8,
  brought: [brought],
  provisional: null,
  confirmed: '',
  changes: [
    { path: 'hosts/a', value: { address: '10.0.0.1' } },
    { path: 'hosts/b', value: null },
  ],
};
const join = {
  proof: 'p',
  hostKey: 'h',
  clientKey: 'c',
  name: 'n',
  unitId: 'u',
  pairId: '',
  host: '',
  port: 6973,
};
const REQUESTS: Request[] = [
  { type: 'hello', id: 1, ...partnerHello() },
  update,
  { type: 'compare', id: 3, nodes: [[0, 0]] },
  { type: 'list', id: 4, buckets: [1, 2] },
  { type: 'step-down', id: 5, epoch: 2, force: false, digest: A },
  { type: 'join', id: 6, mode: 'first', ...join },
  { type: 'examine', id: 7, nonce: 'n' },
];
const REPLIES: Reply[] = [
  { type: 'hello-too', re: 1, ...partnerHello() },
  { type: 'receipt', re: 2, result: 'applied', digest: B, revision: 9 },
  { type: 'nodes', re: 3, nodes: ['AAAA'] },
  { type: 'leaves', re: 4, buckets: [[['ha', 'AAAA']], []] },
  { type: 'stepped-down', re: 5, epoch: 2, digest: A },
  {
    type: 'joined',
    re: 6,
    proof: 'p',
    pairId: 'i',
    clientKey: 'c',
    name: 'n',
    unitId: 'u',
    mode: 'second',
    replaces: '',
  },
  { type: 'error', re: 7, error: new LockstepError('disk', 'No room.').toJSON() },
  { type: 'facts', re: 8, facts: { unit: { name: 'lb2' } } },
];

function refusalOf(payload: Buffer | string, parse: (payload: Buffer) => unknown = parseRequest): string {
  try {
    parse(Buffer.from(payload));
    return 'taken';
  } catch (error) {
    assert.ok(error instanceof LockstepError, String(error));
    return error.code;
  }
}

/** A good message with one thing in it changed. */
function withFault(good: Request | Reply, fault: JsonObject): string {
  return JSON.stringify({ ...good, ...fault });
}

describe('messages between the units', () => {
  it('come out as they went in', () => {
    for (const request of REQUESTS) assert.deepEqual(parseRequest(encodeMessage(request)), request);
    for (const reply of REPLIES) assert.deepEqual(parseReply(encodeMessage(reply)), reply);
  });

  it('a request is no reply, and a reply no request', () => {
    for (const request of REQUESTS)
      assert.equal(refusalOf(encodeMessage(request), parseReply), 'bad-message');
    for (const reply of REPLIES) assert.equal(refusalOf(encodeMessage(reply)), 'bad-message');
  });

  it('without one of their fields, or with one more, are refused', () => {
    const all = [
      ...REQUESTS.map(good => ({ good, parse: parseRequest })),
      ...REPLIES.map(good => ({ good, parse: parseReply })),
    ];
    for (const { good, parse } of all) {
      for (const field of Object.keys(good)) {
        const { [field as 'type']: _gone, ...rest } = good;
        assert.equal(refusalOf(JSON.stringify(rest), parse), 'bad-message', `${good.type} without ${field}`);
      }
      if (good.type.startsWith('hello')) continue; // of a release that says more of itself: below
      assert.equal(refusalOf(withFault(good, { more: 1 }), parse), 'bad-message', good.type);
    }
  });

  it('a greeting of a release that says more of itself is taken for what is known of it', () => {
    const [hello, helloToo] = [REQUESTS[0] as Request, REPLIES[0] as Reply];
    assert.deepEqual(parseRequest(Buffer.from(withFault(hello, { more: [1] }))), hello);
    assert.deepEqual(parseReply(Buffer.from(withFault(helloToo, { more: [1] }))), helloToo);
  });

  it('that are not what a unit says are refused', () => {
    const bad = [
      '',
      'hello',
      'null',
      '[]',
      '{}',
      '{"type":"toString"}',
      '{"type":"__proto__"}',
      '{"type":["hello"]}',
      '{"type":"shell","id":1}',
      Buffer.from([0xff, 0xfe, 0x00]),
      `${'['.repeat(100_000)}${']'.repeat(100_000)}`,
    ];
    for (const payload of bad) assert.equal(refusalOf(payload), 'bad-message', String(payload).slice(0, 40));
  });

  it('with a number that cannot be kept exactly are refused', () => {
    const text = JSON.stringify(update);
    for (const epoch of ['1e400', '9007199254740993', '-1', '1.5', '"1"', 'null']) {
      assert.equal(refusalOf(text.replace('"epoch":1', `"epoch":${epoch}`)), 'bad-message', epoch);
    }
  });

  it('with a name that JavaScript reserves are refused, however deep it lies', () => {
    const text = JSON.stringify(update);
    for (const name of ['__proto__', 'constructor', 'prototype']) {
      const poisoned = text.replace('"address":"10.0.0.1"', `"a":[{"${name}":{"polluted":1}}]`);
      assert.equal(refusalOf(poisoned), 'bad-message', name);
    }
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  });

  it('with a change that says of itself what only this unit finds out are refused', () => {
    const ready = { kind: {}, text: '{}', hash: '', valid: true };
    const forged = { changes: [{ path: 'hosts/a', value: {}, ready }] };
    assert.equal(refusalOf(withFault(update, forged)), 'bad-message');
  });

  it('with a record nested past 64 levels are refused', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(70)}1${'}'.repeat(70)}`) as JsonObject;
    assert.equal(refusalOf(withFault(update, { changes: [{ path: 'x', value: deep }] })), 'bad-message');
  });

  it('with a digest, a change or a question that is not one are refused', () => {
    const faults: [Request, JsonObject][] = [
      [update, { base: A.toUpperCase() }],
      [update, { target: A.slice(1) }],
      [update, { changes: [{ path: 'ha', value: 'text' }] }],
      [update, { changes: [{ path: 'ha', value: [] }] }],
      [update, { changes: [{ path: 'ha', value: null, more: 1 }] }],
      [update, { changes: [{ path: 'x'.repeat(2049), value: null }] }],
      [update, { brought: Array.from({ length: 101 }, () => ({ ...brought })) }],
      [REQUESTS[2] as Request, { nodes: [[0, 0, 0]] }],
      [REQUESTS[2] as Request, { nodes: [[-1, 0]] }],
      [REQUESTS[2] as Request, { nodes: Array.from({ length: MAX_NODES + 1 }, () => [0, 0]) }],
      [REQUESTS[3] as Request, { buckets: Array.from({ length: MAX_BUCKETS + 1 }, () => 0) }],
      [REQUESTS[0] as Request, { role: 'master' }],
      [REQUESTS[0] as Request, { mode: 'single' }],
    ];
    for (const [good, fault] of faults) {
      assert.equal(refusalOf(withFault(good, fault)), 'bad-message', JSON.stringify(fault).slice(0, 80));
    }
  });

  it('larger than their type may be are refused', () => {
    for (const [good, field] of [
      [REQUESTS[0], 'name'],
      [REQUESTS[4], 'type'],
    ] as const) {
      const padded = `${JSON.stringify(good).slice(0, -1)}${' '.repeat(FRAME_LIMITS.hello)}}`;
      assert.equal(refusalOf(padded), 'too-large', field);
    }
  });

  it('a refusal that a partner words at length or without a code is not taken as one', () => {
    const refusal = (error: JsonObject) => JSON.stringify({ type: 'error', re: 1, error });
    assert.equal(refusalOf(refusal({ code: 'disk', message: 'No room.' }), parseReply), 'taken');
    assert.equal(refusalOf(refusal({ message: 'No room.' }), parseReply), 'bad-message');
    assert.equal(refusalOf(refusal({ code: 'disk', message: 'x'.repeat(70_000) }), parseReply), 'too-large');
  });
});
