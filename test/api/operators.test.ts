import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, duplexPair } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { whoAsks } from '../../api/asking.ts';
import { readAuthor } from '../../api/author.ts';
import { ApiClient } from '../../api/client.ts';
import { OPERATOR_ROLES } from '../../api/contract/method.ts';
import { METHOD_NAMES, methodOf } from '../../api/contract/methods.ts';
import type { Operator } from '../../api/contract/roles.ts';
import { mayDo } from '../../api/contract/roles.ts';
import { OperatorDoor } from '../../api/doors/operator.ts';
import { UnixDoor } from '../../api/doors/unix.ts';
import { type Api, serveApi } from '../../api/server.ts';
import { socketIn } from '../../api/socket.ts';
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
        return { upload: 'x', value: call.method === 'show' ? 'x'.repeat(1_000_000) : '' };
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
    return streamAndEnd(operator).stream;
  }

  /** With the end that the unit has; `ended`: the unit has ended it. */
  function streamAndEnd(operator: Operator): { stream: Duplex; there: Duplex; ended: Promise<void> } {
    const [stream, there] = duplexPair();
    api.serveOperator(there, operator);
    return { stream, there, ended: new Promise(resolve => there.once('close', resolve)) };
  }

  it('who closes their half after the question still reads the answer', async () => {
    const stream = streamOf({ name: 'rita', role: 'read' });
    stream.end('GET /v1/status HTTP/1.1\r\nhost: unit\r\n\r\n');
    assert.match((await buffer(stream)).toString(), /^HTTP\/1\.1 200 OK\r\n/);
  });

  it('over the socket of the unit too', async () => {
    const stream = connect({ path: socketIn(dir), allowHalfOpen: true });
    stream.end('GET /v1/status HTTP/1.1\r\nhost: unit\r\n\r\n');
    assert.match((await buffer(stream)).toString(), /^HTTP\/1\.1 200 OK\r\n/);
  });

  it('who closes their half in the middle of a question, or without one, is let go', async () => {
    for (const said of ['', 'POST /v1/changes HTTP/1.1\r\nhost: unit\r\ncontent-length: 9\r\n\r\n{']) {
      const { stream, ended } = streamAndEnd({ name: 'olga', role: 'operate' });
      stream.resume().end(said);
      await ended;
    }
    assert.deepEqual(calls, []);
  });

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
      for (const { http, path, role: needs } of METHOD_NAMES.map(methodOf)) {
        calls = [];
        const head = [`${http} ${path} HTTP/1.1`, 'content-type: application/x-rubbish', 'content-length: 3'];
        const { status, text } = await answerTo({ name: 'ada', role }, head, '{[}');
        const what = `${role}: ${http} ${path}`;
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
      '/v1/backup',
      '/v1/backup/send',
    ];
    const found = METHOD_NAMES.map(methodOf)
      .filter(({ role }) => role === 'admin')
      .map(({ path }) => path);
    for (const url of admins) assert.ok(found.includes(url), url);
    for (const url of ['/v1/changes', '/v1/takeover', '/v1/confirm', '/v1/restore/upload'])
      assert.equal(METHOD_NAMES.map(methodOf).find(({ path }) => path === url)?.role, 'operate', url);
  });

  it('takes the operator as author, and not what a header says', async () => {
    await clientOf({ name: 'ada', role: 'operate' }).call('pause', { reason: 'why' });
    assert.deepEqual(calls, [
      { method: 'pause', request: { reason: 'why', author: 'operator:ada', role: 'operate' } },
    ]);
  });

  it('hands the role on, whatever method changes records', async () => {
    const olga = clientOf({ name: 'olga', role: 'operate' });
    const [upload, passphrase] = ['x', 'correct horse battery staple'];
    await olga.call('change', { changes: [{ op: 'remove', path: 'hosts/a' }] });
    await olga.call('apply', { document: {} });
    await olga.call('importLoadMaster', { files: [{ name: 'a.xml', text: '<x/>' }] });
    await olga.call('rollback', { revision: 1 });
    await olga.call('merge', { branch: 'b' });
    await olga.call('confirm', { undo: true });
    await olga.call('addCertificate', { name: 'shop', files: [{ name: 'a.pem', bytes: 'QQ==' }] });
    await olga.call('removeCertificate', { name: 'shop' });
    assert.equal(calls.length, 8);
    for (const { method, request } of calls)
      assert.equal((request as { role?: string }).role, 'operate', method);
    calls = [];
    const ada = clientOf({ name: 'ada', role: 'admin' });
    await ada.call('restoreCertificates', { upload, passphrase, select: ['full'] });
    await ada.call('addCertificate', { kind: 'web', files: [{ name: 'a.pem', bytes: 'QQ==' }] });
    for (const { method, request } of calls)
      assert.equal((request as { role?: string }).role, 'admin', method);
    await assert.rejects(olga.call('restore', { upload, passphrase }), { code: 'role-refused' });
  });

  it('hands the role on to what changes records, and a body cannot bring its own', async () => {
    const changes = [{ op: 'remove' as const, path: 'operators/ada' }];
    await clientOf({ name: 'ada', role: 'operate' }).call('change', { changes });
    assert.deepEqual(calls, [
      { method: 'change', request: { changes, author: 'operator:ada', role: 'operate' } },
    ]);
    const forged = { changes, role: 'admin' } as { changes: typeof changes };
    await assert.rejects(clientOf({ name: 'ada', role: 'operate' }).call('change', forged), {
      code: 'bad-usage',
    });
  });

  it('attack: who operates makes a bundle of all passwords with a passphrase of his, or has one sent to his host', async () => {
    const olga = clientOf({ name: 'olga', role: 'operate' });
    await assert.rejects(olga.call('backup', { passphrase: 'correct horse battery staple' }), {
      code: 'role-refused',
    });
    const target = { host: 'evil.example', user: 'olga', path: '/' };
    await assert.rejects(olga.call('sendBackup', { name: 'site.lockstep', ...target }), {
      code: 'role-refused',
    });
    assert.deepEqual(calls, []);
  });

  it('logs who did what, refused or not, and nothing of what was sent', async () => {
    await clientOf({ name: 'ada', role: 'operate' }).call('pause', { reason: 'a secret reason' });
    await assert.rejects(
      clientOf({ name: 'eve', role: 'read' }).call('pause', { reason: 'a secret reason' }),
    );
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

  const smuggled: Record<string, string> = {
    'two lengths': 'content-length: 2\r\ncontent-length: 40\r\n\r\n{}',
    'a length and chunks': 'content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    'chunks that are not the last coding': 'transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n',
    'a space before the colon': 'content-length : 2\r\n\r\n{}',
    'a length that is no number': 'content-length: 0x2\r\n\r\n{}',
    'a chunk with a bad size': 'transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n',
  };
  for (const [what, rest] of Object.entries(smuggled))
    it(`attack: a second request is hidden by ${what}`, async () => {
      const { stream, ended } = streamAndEnd({ name: 'olga', role: 'operate' });
      const hidden = 'POST /v1/takeover HTTP/1.1\r\nhost: unit\r\n\r\n';
      stream.write(
        `POST /v1/pause HTTP/1.1\r\nhost: unit\r\ncontent-type: application/json\r\n${rest}${hidden}`,
      );
      await ended;
      assert.deepEqual(calls, []);
    });

  it('attack: a stream is made a tunnel or another protocol', async () => {
    const { stream: tunnel, ended } = streamAndEnd({ name: 'olga', role: 'operate' });
    tunnel.write('CONNECT 127.0.0.1:22 HTTP/1.1\r\nhost: unit\r\n\r\n');
    await ended;
    const head = ['POST /v1/takeover HTTP/1.1', 'upgrade: h2c', 'connection: upgrade'];
    assert.equal((await answerTo({ name: 'rita', role: 'read' }, head)).status, 403);
    assert.deepEqual(calls, []);
  });

  it('attack: a big body is sent where only a small one makes sense', async () => {
    const body = JSON.stringify({ reason: 'x'.repeat(2 * 1024 * 1024) });
    const head = [
      'POST /v1/pause HTTP/1.1',
      'content-type: application/json',
      `content-length: ${body.length}`,
    ];
    const { status, text } = await answerTo({ name: 'olga', role: 'operate' }, head, body);
    assert.equal(status, 409, text);
    assert.match(text, /"code":"too-large".*more than 1048576 bytes/);
  });

  it('attack: one operator asks for the whole configuration on many streams and reads none of them', async () => {
    const asked = 'GET /v1/config HTTP/1.1\r\nhost: unit\r\n\r\n';
    const streams = Array.from({ length: 8 }, () => streamAndEnd({ name: 'rita', role: 'read' }));
    for (const { stream } of streams) stream.write(asked);
    const other = clientOf({ name: 'olga', role: 'read' });
    await other.call('show', {});
    assert.equal(calls.length, 2, 'one of each operator');
    for (const { there } of streams) there.destroy();
    await clientOf({ name: 'rita', role: 'read' }).call('show', {});
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

  it('attack: a connection that came by no door is nobody, whatever it is', async () => {
    const asked = { socket: {}, headers: { 'lockstep-author': 'root' } } as unknown as IncomingMessage;
    const server = createServer();
    assert.throws(() => whoAsks([new UnixDoor(server), new OperatorDoor(server)], asked), {
      code: 'role-refused',
    });
    server.removeAllListeners('connection'); // HTTP would read from them
    const door = new UnixDoor(server);
    const [accepted, handedIn] = [{ server }, { server: createServer() }];
    for (const connection of [accepted, handedIn]) server.emit('connection', connection);
    const by = (socket: object) => ({ ...asked, socket }) as unknown as IncomingMessage;
    assert.throws(() => whoAsks([door], by(handedIn)), { code: 'role-refused' });
    const author = { 'lockstep-author': 'root' };
    assert.deepEqual(whoAsks([door], by(accepted)), {
      author: readAuthor(author['lockstep-author']),
      role: 'admin',
    });
  });
});
