import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { ApiClient } from '../../api/client.ts';
import { METHOD_NAMES, methodOf } from '../../api/contract/methods.ts';
import { HTTP_STATUS } from '../../api/errors.ts';
import { type ApiLog, serveApi } from '../../api/server.ts';
import { socketIn } from '../../api/socket.ts';
import { ERROR_CODES, type ErrorCode, LockstepError } from '../../schema/error.ts';
import { type JsonObject, MAX_DOCUMENT_BYTES } from '../../schema/json.ts';
import { type Call, fakeUnit } from './fake-unit.ts';

describe('the API of a unit', () => {
  let dir: string;
  let calls: Call[];
  let answer: (call: Call) => unknown;
  let logged: string;
  let api: { close(): Promise<void> };
  let client: ApiClient;

  const keep = (facts: object, message: string): void => {
    logged += JSON.stringify({ ...facts, message });
  };
  const log: ApiLog = { info: keep, debug: keep, error: keep };

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'lockstep-api-'));
    calls = [];
    logged = '';
    answer = () => ({});
    api = await serveApi({ unit: fakeUnit(calls, call => answer(call)), socketPath: socketIn(dir), log });
    client = new ApiClient({ dir, author: 'Zoë 管理' });
  });

  afterEach(async () => {
    await api.close();
    rmSync(dir, { recursive: true });
  });

  /** A request written by hand, as another program may send it. */
  function send(method: string, path: string, body?: string | Buffer, headers: Record<string, string> = {}) {
    return new Promise<{ status: number; type: string; text: string }>((resolve, reject) => {
      const asked = request({
        socketPath: socketIn(dir),
        method,
        path,
        headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      });
      asked.on('error', reject);
      asked.on('response', async response => {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk as Buffer);
        resolve({
          status: response.statusCode ?? 0,
          type: String(response.headers['content-type']),
          text: Buffer.concat(chunks).toString(),
        });
      });
      asked.end(body);
    });
  }

  async function refusal(
    method: string,
    path: string,
    body?: string | Buffer,
    headers?: Record<string, string>,
  ) {
    const { status, text } = await send(method, path, body, headers);
    return { status, ...(JSON.parse(text) as { code: string; message: string }) };
  }

  it('lets only the user of the unit in', () => {
    assert.equal(statSync(socketIn(dir)).mode & 0o777, 0o600);
  });

  it('refuses what never becomes a request in the one shape of errors', async () => {
    const expected = await refusal('GET', '/v1/status', undefined, { expect: 'a-miracle' });
    assert.equal(expected.status, 417);
    assert.match(expected.message, /does not know what to do with Expect: "a-miracle"/);
    const crooked = await refusal('GET', '/v1/%ZZ');
    assert.deepEqual([crooked.status, crooked.code], [400, 'bad-usage']);
    const large = await refusal('GET', '/v1/status', undefined, { x: 'x'.repeat(20_000) });
    assert.deepEqual([large.status, large.code], [431, 'too-large']);
    const strange = connect(socketIn(dir));
    strange.end('HELO unit\r\n\r\n');
    const said = (await buffer(strange)).toString();
    assert.match(said, /^HTTP\/1\.1 400 Bad Request\r\n/);
    const { code, message } = JSON.parse(said.slice(said.indexOf('\r\n\r\n'))) as Record<string, string>;
    assert.deepEqual([code, message], ['bad-usage', 'This is no HTTP request.']);
    assert.deepEqual(calls, []);
  });

  it('takes half a minute to confirm in, as its answer says it may', async () => {
    const { text } = await send('GET', '/openapi.json');
    const { paths, components } = JSON.parse(text) as {
      paths: Record<string, JsonObject>;
      components: { schemas: Record<string, JsonObject> };
    };
    const at = (...way: string[]): JsonObject =>
      way.reduce((found: JsonObject, name) => {
        const { $ref } = found;
        const shape = typeof $ref === 'string' ? components.schemas[$ref.split('/').at(-1) ?? ''] : found;
        return shape?.[name] as JsonObject;
      }, paths['/v1/changes'] as JsonObject);
    const schema = ['content', 'application/json', 'schema', 'properties'];
    const asked = at('post', 'requestBody', ...schema, 'confirm');
    const told = at('post', 'responses', '200', ...schema, 'provisional', 'properties', 'minutes');
    const range = ({ type, exclusiveMinimum, maximum }: JsonObject) => [type, exclusiveMinimum, maximum];
    assert.deepEqual(range(told), range(asked));
    const body = JSON.stringify({ changes: [{ op: 'put', path: 'ha', value: {} }], confirm: 0.5 });
    assert.equal((await send('POST', '/v1/changes', body)).status, 200);
  });

  it('hands every request of the client to its method, with the author', async () => {
    const author = 'Zoë 管理';
    const document = { ha: { virtualId: 61 } };
    const files = [{ name: 'getall.xml', text: '<x/>' }];
    const changes = [
      { op: 'put' as const, path: 'ha', value: {} },
      { op: 'set' as const, path: 'ha', field: ['virtualId'], value: 61 },
      { op: 'unset' as const, path: 'ha', field: ['virtualId'] },
      { op: 'remove' as const, path: 'hosts/a' },
    ];
    await client.call('status');
    await client.call('show', { path: 'ha', defaults: true });
    await client.call('describe', { path: 'virtualServices/tcp:10.0.0.1:443' });
    await client.call('change', { changes, reason: 'why', expected: 3, dryRun: true, valueFrom: 'argument' });
    await client.call('apply', {
      document,
      path: '',
      replace: true,
      reason: 'why',
      expected: 3,
      dryRun: true,
    });
    await client.call('importLoadMaster', { files, reason: 'why', dryRun: false });
    await client.call('history', { path: 'ha', limit: 5 });
    await client.call('diff', { from: 1, to: 2 });
    await client.call('rollback', { revision: 7, reason: 'why', dryRun: true });
    await client.call('forceUpdate');
    await client.call('takeover', { force: true });
    await client.call('pause', { reason: 'why', seconds: 60 });
    await client.call('resume');
    await client.call('confirmSource');
    await client.call('invite');
    await client.call('join', { host: 'fd00::1', port: 6974, code: 'secret-code' });
    await client.call('unpair');
    await client.call('restoreFile', { file: 'ha.json' });
    const who = { author, role: 'admin' };
    const common = { reason: 'why', expected: 3, dryRun: true, ...who };
    assert.deepEqual(calls, [
      { method: 'status', request: who },
      { method: 'show', request: { path: 'ha', defaults: true, ...who } },
      { method: 'describe', request: { path: 'virtualServices/tcp:10.0.0.1:443', ...who } },
      { method: 'change', request: { changes, valueFrom: 'argument', ...common } },
      { method: 'apply', request: { document, path: '', replace: true, ...common } },
      { method: 'importLoadMaster', request: { files, reason: 'why', dryRun: false, ...who } },
      { method: 'history', request: { path: 'ha', limit: 5, ...who } },
      { method: 'diff', request: { from: 1, to: 2, ...who } },
      { method: 'rollback', request: { revision: 7, reason: 'why', dryRun: true, ...who } },
      { method: 'forceUpdate', request: who },
      { method: 'takeover', request: { force: true, ...who } },
      { method: 'pause', request: { reason: 'why', seconds: 60, ...who } },
      { method: 'resume', request: who },
      { method: 'confirmSource', request: who },
      { method: 'invite', request: who },
      { method: 'join', request: { host: 'fd00::1', port: 6974, code: 'secret-code', ...who } },
      { method: 'unpair', request: who },
      { method: 'restoreFile', request: { file: 'ha.json', ...who } },
    ]);
  });

  it('gives back the whole answer, fields that the document does not name included', async () => {
    answer = () => ({ path: 'ha', revision: 4, value: { deep: [{ er: null }] }, new: 'field' });
    assert.deepEqual(await client.call('show', {}), {
      path: 'ha',
      revision: 4,
      value: { deep: [{ er: null }] },
      new: 'field',
    });
  });

  it('gives back every error as the unit threw it, with the status of its class', async () => {
    for (const code of Object.keys(ERROR_CODES) as ErrorCode[]) {
      const thrown = new LockstepError(code, 'A sentence.', {
        hint: 'A hint.',
        facts: { problems: [{ path: 'ha' }] },
      });
      answer = () => {
        throw thrown;
      };
      await assert.rejects(client.call('status'), (error: LockstepError) => {
        assert.deepEqual(error.toJSON(), thrown.toJSON());
        return error instanceof LockstepError;
      });
      assert.equal((await send('GET', '/v1/status')).status, HTTP_STATUS[ERROR_CODES[code].class], code);
    }
  });

  it('turns a fault into "internal", and tells the log', async () => {
    answer = () => {
      throw new TypeError('x is not a function');
    };
    await assert.rejects(client.call('status'), { code: 'internal', message: 'x is not a function' });
    assert.match(logged, /"code":"internal".*"stack":"TypeError/);
  });

  it('never writes what was sent into the log', async () => {
    answer = () => {
      throw new LockstepError('internal', 'No.');
    };
    await assert.rejects(
      client.call('change', {
        changes: [{ op: 'set', path: 'certificates/a', field: ['key'], value: 'hunter2' }],
      }),
    );
    await assert.rejects(client.call('join', { host: 'h', code: 'hunter2' }));
    await send('POST', '/v1/changes', '{"hunter2": ');
    assert.notEqual(logged, '');
    assert.ok(!logged.includes('hunter2'));
  });

  it('refuses a request that is not well formed, and says where', async () => {
    const cases: [string, string, string | undefined, RegExp][] = [
      ['POST', '/v1/changes', '{}', /body must have required property 'changes'/],
      ['POST', '/v1/changes', '{"changes": []}', /body\/changes/],
      [
        'POST',
        '/v1/changes',
        '{"changes": [{"op": "put", "path": "ha"}]}',
        /body\/changes\/0 must have required property 'value'/,
      ],
      ['POST', '/v1/changes', '{"changes": [{"op": "drop", "path": "ha"}]}', /body\/changes\/0/],
      [
        'POST',
        '/v1/changes',
        '{"changes": [{"op": "remove", "path": "ha"}], "autor": "x"}',
        /additional properties: "autor"/,
      ],
      [
        'POST',
        '/v1/changes',
        '{"changes": [{"op": "remove", "path": "ha"}], "author": "root"}',
        /additional properties: "author"/,
      ],
      ['POST', '/v1/rollback', '{"revision": "7"}', /body\/revision must be integer/],
      ['GET', '/v1/history?limit=many', undefined, /querystring\/limit must be integer/],
      ['GET', '/v1/history?limit=0', undefined, /querystring\/limit must be >= 1/],
      ['GET', '/v1/config?path=a&path=b', undefined, /querystring\/path must be string/],
      ['GET', '/v1/diff', undefined, /required property 'from'/],
      ['GET', '/v1/nowhere', undefined, /no GET \/v1\/nowhere/],
      ['DELETE', '/v1/config', undefined, /no DELETE \/v1\/config/],
    ];
    for (const [method, path, body, expected] of cases) {
      const { status, code, message } = await refusal(method, path, body);
      assert.deepEqual([status, code], [400, 'bad-usage'], path);
      assert.match(message, expected);
    }
    assert.deepEqual(calls, []);
  });

  it('reads a body as strictly as a file', async () => {
    const cases: [string | Buffer, string][] = [
      ['{"changes": ', 'bad-json'],
      ['{"changes": [], "changes": []}', 'duplicate-key'],
      ['{"document": {"__proto__": {}}}', 'reserved-key'],
      ['{"document": 1e400}', 'number-out-of-range'],
      ['{"document": 9007199254740993}', 'number-out-of-range'],
      [`{"document": ${'['.repeat(100)}${']'.repeat(100)}}`, 'nested-too-deep'],
      [Buffer.from([0x22, 0xff, 0x22]), 'bad-json'],
    ];
    for (const [body, code] of cases) assert.equal((await refusal('POST', '/v1/apply', body)).code, code);
    assert.equal(
      (await refusal('POST', '/v1/apply', '<x/>', { 'content-type': 'text/xml' })).code,
      'bad-usage',
    );
    assert.deepEqual(calls, []);
  });

  it('refuses a body past 64 MiB before it reads it', async () => {
    const headers = { 'content-length': String(MAX_DOCUMENT_BYTES + 1) };
    const { status, code } = await refusal('POST', '/v1/apply', 'x', headers);
    assert.deepEqual([status, code], [409, 'too-large']);
    await assert.rejects(client.call('apply', { document: 'x'.repeat(MAX_DOCUMENT_BYTES) }), {
      code: 'too-large',
    });
  });

  it('needs no body where there is nothing to say', async () => {
    assert.equal((await send('POST', '/v1/force-update')).status, 200);
    assert.equal((await send('POST', '/v1/force-update', '')).status, 200);
    assert.deepEqual(calls[0], { method: 'forceUpdate', request: { author: 'local', role: 'admin' } });
  });

  it('refuses an author that could not be shown', async () => {
    for (const author of ['', 'a%00b', 'a%0Ab', '%zz', 'x'.repeat(129), '%20']) {
      assert.equal(
        (await refusal('POST', '/v1/force-update', '', { 'lockstep-author': author })).code,
        'bad-usage',
        author,
      );
    }
    assert.deepEqual(calls, []);
  });

  it('answers with a file, and what it is before it', async () => {
    const facts = { name: 'hä1.lockstep', revision: 3, records: 2, keysLeftOut: 0, estimatedBytes: 9 };
    answer = () => ({ facts, bytes: Readable.from([Buffer.from('one'), Buffer.from('two')]) });
    const asked = { passphrase: 'correct horse battery', withKeys: true };
    const got = await client.call('backup', asked);
    assert.deepEqual(got.facts, facts);
    const chunks: Buffer[] = [];
    for await (const chunk of got.bytes) chunks.push(chunk as Buffer);
    assert.equal(Buffer.concat(chunks).toString(), 'onetwo');
    assert.deepEqual(calls, [{ method: 'backup', request: { ...asked, author: 'Zoë 管理', role: 'admin' } }]);
    assert.doesNotMatch(logged, /correct horse/);
  });

  it('breaks a file off when the unit can no longer read it, which the client tells', async () => {
    const breaking = async function* () {
      yield Buffer.alloc(100_000);
      throw new Error('the disk is gone');
    };
    const facts = { name: 'a', revision: 3, records: 2, keysLeftOut: 0, estimatedBytes: 9 };
    answer = () => ({ facts, bytes: Readable.from(breaking(), { objectMode: false }) });
    const { bytes } = await client.call('backup', { passphrase: 'correct horse battery' });
    await assert.rejects(
      async () => {
        for await (const _chunk of bytes);
      },
      { code: 'unit-unreachable' },
    );
    assert.match(logged, /the disk is gone/);
  });

  it('stops reading when the client goes away', async () => {
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(64 * 1024));
      },
    });
    const closed = once(endless, 'close');
    const facts = { name: 'a', revision: 3, records: 2, keysLeftOut: 0, estimatedBytes: 9 };
    answer = () => ({ facts, bytes: endless });
    const { bytes } = await client.call('backup', { passphrase: 'correct horse battery' });
    bytes.destroy();
    await closed;
  });

  it('serves the figures for Prometheus as text', async () => {
    answer = () => '# HELP lockstep_revision …\nlockstep_revision 7\n';
    const { status, type, text } = await send('GET', '/metrics');
    assert.equal(status, 200);
    assert.match(type, /^text\/plain; version=0\.0\.4/);
    assert.match(text, /^lockstep_revision 7$/m);
  });

  it('takes files where it wants files, and JSON everywhere else', async () => {
    const file = { 'content-type': 'application/octet-stream' };
    for (const [url, headers] of [
      ['/v1/restore', file],
      ['/v1/confirm', file],
      ['/v1/restore/upload', {}],
    ] as const) {
      const { status, text } = await send('POST', url, '{}', headers);
      assert.deepEqual([status, JSON.parse(text).code], [400, 'bad-usage'], url);
    }
    assert.deepEqual(calls, []);
  });

  it('documents every route, with what it takes and gives', async () => {
    const { text } = await send('GET', '/openapi.json');
    const document = JSON.parse(text) as {
      paths: Record<
        string,
        Record<
          string,
          {
            operationId: string;
            summary: string;
            requestBody?: object;
            responses: { default: { content: object } };
          }
        >
      >;
    };
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map(method => `${method.toUpperCase()} ${path}`),
    );
    assert.deepEqual(
      documented.sort(),
      METHOD_NAMES.map(methodOf)
        .map(({ http, path }) => `${http} ${path}`)
        .sort(),
    );
    for (const methods of Object.values(document.paths)) {
      for (const [method, { summary, requestBody, responses }] of Object.entries(methods)) {
        assert.ok(summary.length > 5);
        assert.equal(requestBody !== undefined, method === 'post');
        assert.deepEqual(Object.keys(responses), ['200', 'default']);
        assert.deepEqual(Object.keys(responses.default.content), ['application/json']);
      }
    }
    const ids = Object.values(document.paths).flatMap(methods =>
      Object.values(methods).map(({ operationId }) => operationId),
    );
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(ids.includes('invite'), ids.join());
  });

  it('tells the unit when whoever asked has left before the answer, and only then', async () => {
    let finish: (value: object) => void = () => undefined;
    let asked: () => void = () => undefined;
    const reached = new Promise<void>(resolve => {
      asked = resolve;
    });
    answer = () => {
      asked();
      return new Promise(resolve => {
        finish = resolve;
      });
    };
    const body = JSON.stringify({ name: 'shop', files: [{ name: 'a.pem', bytes: 'QQ==' }] });
    const leaving = request({
      socketPath: socketIn(dir),
      method: 'POST',
      path: '/v1/certificates/add',
      headers: { 'content-type': 'application/json' },
    });
    leaving.on('error', () => undefined);
    leaving.end(body);
    await reached;
    const left = calls[0]?.left as AbortSignal;
    assert.equal(left.aborted, false);
    const told = once(left, 'abort');
    leaving.destroy();
    await told;
    finish({});
    answer = () => ({});
    assert.equal((await send('POST', '/v1/certificates/add', body)).status, 200);
    assert.equal(calls[1]?.left?.aborted, false, 'one that was answered');
  });
});

describe('a file sent to the unit', () => {
  let dir: string;
  let api: { close(): Promise<void> };
  const log: ApiLog = { info: () => undefined, debug: () => undefined, error: () => undefined };
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'lockstep-api-'));
    const unit = fakeUnit([], async ({ method, request }) => {
      if (method !== 'upload') return {};
      let bytes = 0;
      for await (const chunk of (request as { bytes: Readable }).bytes.iterator({ destroyOnReturn: false })) {
        if (String(chunk).startsWith('refuse')) throw new LockstepError('too-large', 'It is too large.');
        bytes += (chunk as Buffer).length;
      }
      return { upload: 'u', bytes };
    });
    api = await serveApi({ unit, socketPath: socketIn(dir), log });
  });
  after(async () => {
    await api.close();
    rmSync(dir, { recursive: true });
  });

  it('reaches it as it comes, larger than any document', async () => {
    const client = new ApiClient({ dir, author: 'ada' });
    const piece = Buffer.alloc(1024 * 1024, 'x');
    const { bytes } = await client.call('upload', {
      bytes: Readable.from(Array.from({ length: 70 }, () => piece)),
    });
    assert.equal(bytes, 70 * 1024 * 1024);
  });

  it('that is refused before its end gives the refusal, and not a broken connection', async () => {
    const client = new ApiClient({ dir, author: 'ada' });
    const rest = Array.from({ length: 200 }, () => Buffer.alloc(64 * 1024, 'x'));
    await assert.rejects(client.call('upload', { bytes: Readable.from([Buffer.from('refuse'), ...rest]) }), {
      code: 'too-large',
    });
  });

  it('that cannot be read is told', async () => {
    const client = new ApiClient({ dir, author: 'ada' });
    const broken = new Readable({ read: () => broken.destroy(new Error('EIO')) });
    await assert.rejects(client.call('upload', { bytes: broken }), { code: 'bad-usage' });
  });
});

describe('the socket of a unit', () => {
  let dir: string;
  const log: ApiLog = { info: () => undefined, debug: () => undefined, error: () => undefined };
  const serve = () => serveApi({ unit: fakeUnit([]), socketPath: socketIn(dir), log });

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'lockstep-socket-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('is taken over from a daemon that was killed', async () => {
    const leave = `require('net').createServer().listen(${JSON.stringify(socketIn(dir))}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', leave], { timeout: 10_000 });
    assert.ok(statSync(socketIn(dir)).isSocket());
    await (await serve()).close();
  });

  it('is not taken from a daemon that answers', async () => {
    const first = await serve();
    await assert.rejects(serve(), { code: 'unit-busy' });
    await new ApiClient({ dir, author: 'x' }).call('status');
    await first.close();
  });

  it('does not overwrite a file that has its name', async () => {
    writeFileSync(socketIn(dir), 'mine');
    await assert.rejects(serve(), { code: 'port-in-use' });
    assert.equal(statSync(socketIn(dir)).size, 4);
  });

  it('says so when its path is longer than the kernel takes', async () => {
    await assert.rejects(serveApi({ unit: fakeUnit([]), socketPath: join(dir, 'x'.repeat(120)), log }), {
      code: 'bad-usage',
    });
    assert.throws(() => new ApiClient({ dir: `/${'x'.repeat(120)}`, author: 'x' }), { code: 'bad-usage' });
  });

  it('tells what to type when no unit runs', async () => {
    const client = new ApiClient({ dir, author: 'x' });
    await assert.rejects(client.call('status'), {
      code: 'unit-unreachable',
      hint: `Start it with: lockstep serve --dir ${dir}`,
    });
    await assert.rejects(
      new ApiClient({ dir: '/nowhere', author: 'x' }).call('status'),
      (error: LockstepError) => /lockstep init --dir \/nowhere/.test(error.hint ?? ''),
    );
  });

  it('says that the outcome is not known when the unit goes away in the middle', async () => {
    const server = createServer(socket => socket.once('data', () => socket.destroy())).listen(socketIn(dir));
    const client = new ApiClient({ dir, author: 'x' });
    await assert.rejects(
      client.call('forceUpdate'),
      (error: LockstepError) => error.code === 'unit-unreachable' && /not known/.test(error.hint ?? ''),
    );
    await new Promise(resolve => server.close(resolve));
  });

  it('does not wait for ever', async () => {
    const server = createServer(() => undefined).listen(socketIn(dir));
    await assert.rejects(new ApiClient({ dir, author: 'x', timeoutMs: 200 }).call('status'), {
      code: 'unit-unreachable',
      message: /did not answer within/,
    });
    server.close();
  });
});
