import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { ErrorBody } from '../../schema/error.ts';
import { lockstep, TestUnit, temporaryFolder } from './daemon.ts';

const MIB = 1024 * 1024;
const deep = `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`;

/** Documents that are refused whatever way they come in: what an operator would call them, the text, the code. */
const BAD_DOCUMENTS: [name: string, text: string, code: string][] = [
  ['a file that is not JSON', 'hosts: db1', 'bad-json'],
  ['JSON that ends too early', '{"hosts": {', 'bad-json'],
  ['JSON with a comment', '{"hosts": {} /* none */}', 'bad-json'],
  ['an empty file', '', 'bad-json'],
  [
    'a key that is there twice',
    '{"hosts": {"db1": {"address": "10.0.0.1"}, "db1": {"address": "10.0.0.2"}}}',
    'duplicate-key',
  ],
  [
    '__proto__ as a key',
    '{"hosts": {"db1": {"address": "10.0.0.1", "__proto__": {"x": 1}}}}',
    'reserved-key',
  ],
  ['constructor as an id', '{"hosts": {"constructor": {"address": "10.0.0.1"}}}', 'reserved-key'],
  ['1e400', '{"ha": {"virtualId": 1e400}}', 'number-out-of-range'],
  ['an integer past 2^53', '{"ha": {"virtualId": 9007199254740993}}', 'number-out-of-range'],
  ['nesting past 64', deep, 'nested-too-deep'],
  ['a list instead of a document', '[]', 'invalid-value'],
  ['a kind that does not exist', '{"virtualServices2": {}}', 'unknown-path'],
  ['a value of the wrong type', '{"ha": {"virtualId": "sixty"}}', 'invalid-value'],
  ['a field that does not exist', '{"ha": {"virtualID": 60}}', 'invalid-value'],
  ['an id with a slash', '{"hosts": {"db/1": {"address": "10.0.0.1"}}}', 'bad-id'],
  ['an id that leads out of its folder', '{"hosts": {"..": {"address": "10.0.0.1"}}}', 'bad-id'],
  ['an id with NUL', '{"hosts": {"db\\u00001": {"address": "10.0.0.1"}}}', 'bad-id'],
  ['an emoji as an id', '{"hosts": {"🐱": {"address": "10.0.0.1"}}}', 'bad-id'],
  ['half a character as an id', '{"hosts": {"\\ud83d": {"address": "10.0.0.1"}}}', 'bad-json'],
];

/** Paths and values of `lockstep set`. */
const BAD_WORDS: [name: string, args: string[], code: string, exit: number, hint?: RegExp][] = [
  [
    'a path with a typo',
    ['virtualServces/tcp:10.0.0.1:80/enable', 'true'],
    'unknown-path',
    3,
    /Did you mean "virtualServices"/,
  ],
  ['a field with a typo', ['ha/virtualID', '60'], 'unknown-path', 3, /Did you mean "virtualId"/],
  ['a text for a number', ['ha/virtualId', 'sixty'], 'invalid-value', 3],
  ['a number out of its range', ['ha/virtualId', '256'], 'invalid-value', 3],
  ['an integer past 2^53', ['ha/virtualId', '9007199254740993'], 'number-out-of-range', 3],
  ['1e400', ['ha/virtualId', '1e400'], 'number-out-of-range', 3],
  ['__proto__ as an id', ['hosts/__proto__', '{"address": "10.0.0.1"}'], 'bad-id', 3],
  ['constructor as an id', ['hosts/constructor/address', '10.0.0.1'], 'bad-id', 3],
  ['an id that leads out of its folder', ['hosts/../address', '10.0.0.1'], 'bad-id', 3],
  ['an emoji as an id', ['hosts/🐱/address', '10.0.0.1'], 'bad-id', 3],
  ['a whole group', ['hosts', '{}'], 'bad-usage', 2],
  [
    'a secret that the process list shows',
    ['users/bal/passwordHash', 'sesame-sesame'],
    'secret-in-arguments',
    3,
  ],
];

describe('bad input', function () {
  this.timeout(60_000);
  const { folder, remove } = temporaryFolder();
  const unit = new TestUnit(path.join(folder, 'unit'), '127.0.65.1');
  let stood: { revision: number; digest: string };

  const standing = async (): Promise<typeof stood> => {
    const { revision, digest } = (await unit.status()).unit;
    return { revision, digest };
  };
  const file = (name: string, text: string): string => {
    const place = path.join(folder, name);
    writeFileSync(place, text);
    return place;
  };
  const errorIn = (text: string): ErrorBody => {
    const answer = JSON.parse(text) as ErrorBody & { error?: ErrorBody };
    return answer.error ?? answer;
  };

  before(async () => {
    await unit.init({
      mode: 'first',
      name: 'lb1',
      address: '10.0.0.11/24',
      partner: '10.0.0.12',
      virtualId: 61,
    });
    await unit.start();
  });
  beforeEach(async () => {
    stood = await standing();
  });
  afterEach('nothing was changed', async () => {
    assert.deepEqual(await standing(), stood);
  });
  after(async () => {
    await unit.stop();
    remove();
  });

  describe('in a document', () => {
    for (const [name, text, code] of BAD_DOCUMENTS) {
      it(`${name} is refused as ${code}`, async () => {
        const body = text === '' ? '{"document": }' : `{"document": ${text}}`;
        const answer = await unit.http('POST', '/v1/apply', body);
        const error = errorIn(answer.text);
        assert.equal(error.code, code, answer.text);
        assert.equal(answer.status, 409 - (error.class === 'missing' ? 5 : 0));
        assert.match(error.message, /\.$/);
      });
    }

    it('of a file is named with its place: file, line and column', async () => {
      const place = file(
        'twice.json',
        '{"hosts": {\n  "db1": {"address": "10.0.0.1"},\n  "db1": {"address": "10.0.0.2"}\n}}\n',
      );
      const { code, answer } = await unit.json('apply', '-f', place);
      assert.deepEqual([code, answer.error.code], [3, 'duplicate-key']);
      assert.equal(answer.error.message, `${place}, line 3, column 3: the key "db1" is there twice.`);
    });

    it('of a file that is not JSON is told to people in one line and a hint', async () => {
      const { code, stdout, stderr } = await unit.cli('apply', '-f', file('site.yaml', 'hosts: db1\n'));
      assert.deepEqual([code, stdout], [3, '']);
      assert.match(stderr, /^lockstep: .*site\.yaml, line 1, column 1: this is not JSON\.\nhint: .+\n$/);
    });

    it('of 100 MB is refused before it is read', async () => {
      const place = file('large.json', '');
      truncateSync(place, 100 * MIB);
      const { code, answer } = await unit.json('apply', '-f', place);
      assert.deepEqual([code, answer.error.code], [3, 'too-large']);
    });

    it('of 100 MB is refused by the socket too', async () => {
      // The unit answers and hangs up as soon as it knows; who is still sending then may not see the answer.
      const answer = await unit
        .http('POST', '/v1/apply', ' '.repeat(100 * MIB))
        .catch((error: NodeJS.ErrnoException) => error.code);
      if (typeof answer === 'object')
        assert.deepEqual([answer.status, errorIn(answer.text).code], [409, 'too-large']);
      else assert.match(String(answer), /^(EPIPE|ECONNRESET)$/);
    });

    it('with many faults names them all at once', async () => {
      const hosts = Object.fromEntries(
        Array.from({ length: 60 }, (_, index) => [`h${index}`, { address: 'nowhere' }]),
      );
      const answer = await unit.http('POST', '/v1/apply', JSON.stringify({ document: { hosts } }));
      const error = errorIn(answer.text);
      assert.equal(error.code, 'invalid-change');
      const { count, problems } = error.facts as { count: number; problems: unknown[] };
      assert.deepEqual([count, problems.length], [60, 50]);
    });
  });

  describe('typed as a command', () => {
    for (const [name, args, code, exit, hint] of BAD_WORDS) {
      it(`${name} is refused as ${code}`, async () => {
        const { code: ended, answer } = await unit.json('set', ...args);
        assert.deepEqual([ended, answer.error.code], [exit, code], JSON.stringify(answer));
        if (hint !== undefined) assert.match(String(answer.error.hint), hint);
        assert.equal(JSON.stringify(answer).includes('sesame'), false, 'a secret came back');
      });
    }

    it('an unknown command is a fault of usage, exit code 2', async () => {
      assert.equal((await lockstep(['froce-update'])).code, 2);
    });
  });

  describe('on the socket', () => {
    const requests: [name: string, method: string, url: string, body: string | undefined, status: number][] =
      [
        ['a route that does not exist', 'GET', '/v2/status', undefined, 400],
        ['a change without a path', 'POST', '/v1/changes', '{"changes": [{"op": "remove"}]}', 400],
        [
          'a change that nobody knows',
          'POST',
          '/v1/changes',
          '{"changes": [{"op": "move", "path": "hosts/a"}]}',
          400,
        ],
        ['a member that nobody asked for', 'POST', '/v1/changes', '{"changes": [], "force": true}', 400],
        ['an author of its own', 'POST', '/v1/changes', '{"changes": [], "author": "root"}', 400],
        ['a revision that is no number', 'GET', '/v1/diff?from=first', undefined, 400],
        ['a path that climbs', 'GET', '/v1/config?path=hosts/%2e%2e/keys', undefined, 409],
        ['a path with NUL', 'GET', '/v1/config?path=hosts/a%00', undefined, 409],
      ];
    for (const [name, method, url, body, status] of requests) {
      it(`${name} is refused with ${status}`, async () => {
        const answer = await unit.http(method, url, body);
        assert.equal(answer.status, status, answer.text);
        assert.match(errorIn(answer.text).message, /\.$/);
      });
    }

    it('a body that is no JSON request is refused', async () => {
      const answer = await unit.http('POST', '/v1/changes', 'changes=none');
      assert.deepEqual([answer.status, errorIn(answer.text).code], [409, 'bad-json']);
    });
  });

  it('a second daemon on the folder ends with exit code 3 and says why', async () => {
    const second = await lockstep(['--dir', unit.dir, 'serve', '--listen', '127.0.65.2', '--json']);
    assert.deepEqual([second.code, errorIn(second.stdout).code], [3, 'unit-busy']);
    assert.equal((await unit.status()).unit.name, 'lb1');
  });

  it('a unit whose output nobody reads any more goes on', async () => {
    unit.closeOutput();
    const change = { op: 'put', path: 'hosts/db1', value: { address: '10.0.0.1' } } as const;
    const { revision } = await unit.api.call('change', { changes: [change] });
    await unit.api.call('rollback', { revision: revision - 1 });
    stood = await standing();
    assert.equal(stood.revision, revision + 1);
  });
});
