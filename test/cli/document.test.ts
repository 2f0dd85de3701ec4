import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readDocument } from '../../cli/document.ts';
import { MAX_DOCUMENT_BYTES } from '../../schema/json.ts';

describe('what lockstep apply -f reads', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'lockstep-apply-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  function write(name: string, text: string | Buffer): string {
    const file = join(dir, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  }

  it('is one file', async () => {
    assert.deepEqual(await readDocument(write('a.json', '{"ha": {"virtualId": 61}}')), {
      ha: { virtualId: 61 },
    });
  });

  it('is a folder in the form of config/, names percent-encoded', async () => {
    write('ha.json', '{"virtualId": 61}');
    write('virtualServices/tcp%3A10.0.0.1%3A443.json', '{"enable": true}');
    write('geo/fqdns/%2A.apps.example.json', '{}');
    write('geo/settings.json', '{"ttl": 5}');
    write('README.md', 'not read');
    write('.git/config.json', 'not read');
    assert.deepEqual(await readDocument(dir), {
      ha: { virtualId: 61 },
      virtualServices: { 'tcp:10.0.0.1:443': { enable: true } },
      geo: { fqdns: { '*.apps.example': {} }, settings: { ttl: 5 } },
    });
  });

  it('may add to an object from a folder of its name, but says nothing twice', async () => {
    write('virtualServices/a.json', '{"enable": true}');
    write('virtualServices/a/realServers/b.json', '{"weight": 1}');
    assert.deepEqual(await readDocument(dir), {
      virtualServices: { a: { enable: true, realServers: { b: { weight: 1 } } } },
    });
    write('virtualServices/%61.json', '{"enable": false}');
    await assert.rejects(readDocument(dir), { code: 'duplicate-key' });
  });

  it('may be a folder with whole documents beside objects', async () => {
    write('ha.json', '{"virtualId": 61}');
    write('site.json', '{"ha": {"timeout": 9}, "hosts": {"db1": {"address": "10.0.0.1"}}}');
    write('getall.xml', 'not read');
    assert.deepEqual(await readDocument(dir, ['ha', 'hosts']), {
      ha: { virtualId: 61, timeout: 9 },
      hosts: { db1: { address: '10.0.0.1' } },
    });
    assert.deepEqual(Object.keys((await readDocument(dir, ['other'])) as object), ['ha', 'site']);
  });

  it('is refused with file, line and column when it is not JSON', async () => {
    write('ha.json', '{\n  "virtualId": 61,\n}');
    await assert.rejects(readDocument(dir), { code: 'bad-json', message: /ha\.json, line 3, column 1/ });
  });

  it('is refused when a name could not be that of a record', async () => {
    for (const name of ['%2e%2e%2fetc.json', '__proto__.json', '%zz.json', 'a%2Fb.json']) {
      const file = write(name, '{}');
      await assert.rejects(readDocument(dir), { code: 'bad-id' }, name);
      rmSync(file);
    }
    assert.equal(({} as Record<string, unknown>).virtualId, undefined);
  });

  it('is refused past 64 MiB without being read, one file or many', async () => {
    const file = write('a.json', '');
    truncateSync(file, MAX_DOCUMENT_BYTES + 1);
    await assert.rejects(readDocument(file), { code: 'too-large' });
    const half = `"${'x'.repeat(MAX_DOCUMENT_BYTES / 2)}"`;
    writeFileSync(file, half);
    write('b.json', half);
    await assert.rejects(readDocument(dir), { code: 'too-large' });
  });

  it('is named when it is not there, not text, or holds nothing', async () => {
    await assert.rejects(readDocument(join(dir, 'no')), { code: 'bad-usage', message: /There is no .*no\./ });
    await assert.rejects(readDocument(dir), { code: 'bad-usage', message: /holds no \.json files/ });
    await assert.rejects(readDocument(write('a.json', Buffer.from([0xff, 0xfe]))), {
      code: 'bad-usage',
      message: /not UTF-8/,
    });
  });
});
