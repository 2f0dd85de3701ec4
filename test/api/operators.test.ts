import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex, duplexPair } from 'node:stream';
import { whoAsks } from '../../api/asking.ts';
import { ApiClient } from '../../api/client.ts';
import { ROUTES } from '../../api/routes.ts';
import { type Api, serveApi } from '../../api/server.ts';
import { socketIn } from '../../api/socket.ts';
import type { Operator } from '../../unit/face.ts';
import { mayDo, OPERATOR_ROLES } from '../../unit/roles.ts';
import { type Call, fakeUnit } from './fake-unit.ts';

/** As much of a socket as HTTP asks for. */
function withTimeout(stream: Duplex): Duplex & { setTimeout(): unknown } {
  return Object.assign(stream, { setTimeout: () => stream });
}

describe('the API over a stream of an operator', () => {
  let dir: string;
  let api: Api;
  let calls: Call[];
  let logged: { facts: Record<string, unknown>; message: string }[];

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'lockstep-operators-'));
    const note = (facts: object, message: string) => void logged.push({ facts: { ...facts }, message });
    api = await serveApi({
      unit: fakeUnit([], call => {
        calls.push(call);
        return { upload: 'x' };
      }),
      socketPath: socketIn(dir),
      log: { info: note, debug: () => undefined, error: () => undefined },
    });
  });
  after(async () => {
    await api.close();
    rmSync(dir, { recursive: true });
  });
  beforeEach(() => {
    calls = [];
    logged = [];
  });

  function streamOf(operator: Operator): Duplex {
    const [here, there] = duplexPair();
    api.serveOperator(there, operator);
    return here;
  }

  function clientOf(operator: Operator): ApiClient {
    return new ApiClient({
      dir,
      author: 'root',
      remote: { open: async () => withTimeout(streamOf(operator)) },
    });
  }

  /** Status and body of the one answer to what is written. */
  async function answerTo(
    operator: Operator,
    head: string[],
    body = '',
  ): Promise<{ status: number; text: string }> {
    const stream = streamOf(operator);
    stream.write(`${[...head, 'host: unit', 'connection: close'].join('\r\n')}\r\n\r\n${body}`);
    let text = '';
    stream.on('data', chunk => {
      text += String(chunk);
    });
    await once(stream, 'end');
    return { status: Number(text.split(' ')[1]), text };
  }

  it('lets each role do what its routes need, and refuses the rest before the body is read', async () => {
    for (const role of OPERATOR_ROLES) {
      for (const { method, url, needs } of ROUTES) {
        calls = [];
        const head = [
          `${method} ${url} HTTP/1.1`,
          'content-type: application/x-rubbish',
          'content-length: 3',
        ];
        const { status, text } = await answerTo({ name: 'ada', role }, head, '{[}');
        const what = `${role}: ${method} ${url}`;
        if (mayDo(role, needs)) {
          assert.notEqual(status, 403, what);
        } else {
          assert.equal(status, 403, what);
          assert.match(text, /"code":"role-refused"/);
          assert.ok(text.includes(`needs the role ${needs}; this operator has the role ${role}`), text);
          assert.deepEqual(calls, [], what);
        }
      }
    }
  });

  it('keeps what gives others power over the unit to admins', () => {
    const admins = [
      '/v1/restore',
      '/v1/pair/invite',
      '/v1/pair/join',
      '/v1/pair/unpair',
      '/v1/store/rebuild',
    ];
    const found = ROUTES.filter(({ needs }) => needs === 'admin').map(({ url }) => url);
    for (const url of admins) assert.ok(found.includes(url), url);
    for (const url of ['/v1/changes', '/v1/takeover', '/v1/confirm', '/v1/restore/upload'])
      assert.equal(ROUTES.find(route => route.url === url)?.needs, 'operate', url);
  });

  it('takes the operator as author, and not what a header says', async () => {
    await clientOf({ name: 'ada', role: 'operate' }).pause({ reason: 'why' });
    assert.deepEqual(calls, [{ method: 'pause', request: { reason: 'why', author: 'operator:ada' } }]);
  });

  it('hands the role on to what changes records, and a body cannot bring its own', async () => {
    const changes = [{ op: 'remove' as const, path: 'operators/ada' }];
    await clientOf({ name: 'ada', role: 'operate' }).change({ changes });
    assert.deepEqual(calls, [
      { method: 'change', request: { changes, author: 'operator:ada', role: 'operate' } },
    ]);
    const forged = { changes, role: 'admin' } as { changes: typeof changes };
    await assert.rejects(clientOf({ name: 'ada', role: 'operate' }).change(forged), { code: 'bad-usage' });
  });

  it('gives private keys to an admin only, by a backup', async () => {
    const asked = { passphrase: 'correct horse battery staple', withKeys: true };
    await assert.rejects(clientOf({ name: 'ada', role: 'operate' }).backup(asked), { code: 'role-refused' });
    assert.deepEqual(calls, []);
  });

  it('logs who did what, refused or not, and nothing of what was sent', async () => {
    await clientOf({ name: 'ada', role: 'operate' }).pause({ reason: 'a secret reason' });
    await assert.rejects(clientOf({ name: 'eve', role: 'read' }).pause({ reason: 'a secret reason' }));
    const told = logged.map(({ facts: { author, role, route, status } }) => ({
      author,
      role,
      route,
      status,
    }));
    assert.deepEqual(told, [
      { author: 'operator:ada', role: 'operate', route: '/v1/pause', status: 200 },
      { author: 'operator:eve', role: 'read', route: '/v1/pause', status: 403 },
    ]);
    assert.doesNotMatch(JSON.stringify(logged), /secret/);
  });

  it('answers one request at a time on a stream, and ends one that asks for many in a breath', async () => {
    const [stream, there] = duplexPair();
    api.serveOperator(there, { name: 'ada', role: 'read' });
    const ended = once(there, 'close');
    stream.resume().write('GET /v1/status HTTP/1.1\r\nhost: unit\r\n\r\n'.repeat(1_000));
    await ended;
    assert.ok(calls.length <= 1, `${calls.length} requests reached the unit`);
  });

  it('answers the next request on a stream after the one before', async () => {
    const stream = streamOf({ name: 'ada', role: 'read' });
    for (let i = 1; i <= 3; i++) {
      stream.write('GET /v1/status HTTP/1.1\r\nhost: unit\r\n\r\n');
      await once(stream, 'data');
      assert.equal(calls.length, i);
    }
    stream.destroy();
  });

  it('knows nobody on a connection that is neither the socket nor of an operator', () => {
    const stranger = new Duplex({ read: () => undefined });
    assert.throws(() => whoAsks(stranger, undefined, { 'lockstep-author': 'root' }), {
      code: 'role-refused',
    });
  });
});
