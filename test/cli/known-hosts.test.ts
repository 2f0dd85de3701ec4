import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addition, judgeHostKey, knownHostsLine } from '../../cli/remote/known-hosts.ts';
import { generateKeyPair, publicBlob } from '../../sync/ssh/keys.ts';
import { needs } from '../needs.ts';

const good = publicBlob(generateKeyPair().public);
const evil = publicBlob(generateKeyPair().public);
const line = (hosts: string, blob = good) => `${hosts} ssh-ed25519 ${blob.toString('base64')} comment`;

function verdict(text: string, host = 'ha1.example', port = 6973, blob = good) {
  return judgeHostKey([{ file: 'known_hosts', text }], host, port, blob);
}

describe('known_hosts', () => {
  it('knows a host by the line that is written for it', () => {
    assert.deepEqual(verdict(`${knownHostsLine('ha1.example', 6973, good)}\n`), { is: 'known' });
    assert.deepEqual(verdict(knownHostsLine('HA1.example', 22, good), 'ha1.EXAMPLE', 22), { is: 'known' });
    assert.deepEqual(verdict(knownHostsLine('fd00::1', 6973, good), 'fd00::1'), { is: 'known' });
  });

  it('a line is added as one, also where the last one has no end', () => {
    const added = knownHostsLine('ha1.example', 6973, good);
    for (const text of ['', `${line('other.example')}\n`, line('other.example', evil)]) {
      assert.deepEqual(verdict(text + addition(text, added)), { is: 'known' });
      if (text !== '')
        assert.notEqual(verdict(text + addition(text, added), 'other.example', 22).is, 'unknown');
    }
  });

  it('takes the port as part of the name', () => {
    assert.deepEqual(verdict(line('ha1.example')), { is: 'unknown' });
    assert.deepEqual(verdict(line('[ha1.example]:6974')), { is: 'unknown' });
    assert.deepEqual(verdict(line('[ha1.example]:6973'), 'ha1.example', 22), { is: 'unknown' });
  });

  it('knows several names, patterns, and what they leave out', () => {
    assert.deepEqual(verdict(line('lb,[ha1.example]:6973,10.0.0.1')), { is: 'known' });
    assert.deepEqual(verdict(line('[*.example]:6973')), { is: 'known' });
    assert.deepEqual(verdict(line('[ha?.example]:6973')), { is: 'known' });
    assert.deepEqual(verdict(line('[*.example]:6973,![ha1.example]:6973')), { is: 'unknown' });
    assert.deepEqual(verdict(line('[haX.example]:6973')), { is: 'unknown' });
    assert.deepEqual(verdict(line('[ha1xexample]:6973')), { is: 'unknown' });
  });

  it('says where another key stands, unless the one that is shown stands there too', () => {
    const text = `# mine\n\n${line('[ha1.example]:6973')}\n`;
    assert.deepEqual(verdict(text, 'ha1.example', 6973, evil), {
      is: 'changed',
      file: 'known_hosts',
      line: 3,
    });
    assert.deepEqual(verdict(`${text}${line('[ha1.example]:6973', evil)}`, 'ha1.example', 6973, evil), {
      is: 'known',
    });
  });

  it('believes no key that is revoked, wherever that stands', () => {
    const text = `${line('[ha1.example]:6973')}\n@revoked ${line('*')}`;
    assert.deepEqual(verdict(text), { is: 'revoked', file: 'known_hosts', line: 2 });
  });

  it('passes over comments, other types, authorities and rubbish', () => {
    const [, type] = line('x').split(' ');
    const text = [
      `#${line('[ha1.example]:6973')}`,
      `@cert-authority ${line('[ha1.example]:6973', evil)}`,
      `@unheard-of ${line('[ha1.example]:6973', evil)}`,
      '[ha1.example]:6973 ssh-rsa AAAA',
      `[ha1.example]:6973 ${type}`,
      '|1|| ssh-ed25519 AAAA',
      '\0\u{1F600}',
    ].join('\n');
    assert.deepEqual(verdict(text, 'ha1.example', 6973, good).is, 'changed');
    assert.deepEqual(verdict(text.split('\n').toSpliced(4, 1).join('\n')), { is: 'unknown' });
  });

  it('reads what ssh-keygen has hashed', function () {
    needs(this, 'ssh-keygen');
    const folder = mkdtempSync(join(tmpdir(), 'lockstep-known-'));
    try {
      const file = join(folder, 'known_hosts');
      writeFileSync(file, `${line('[ha1.example]:6973')}\n${line('ha2.example', evil)}\n`);
      execFileSync('ssh-keygen', ['-q', '-H', '-f', file], { stdio: 'ignore' });
      const text = readFileSync(file, 'utf8');
      assert.doesNotMatch(text, /example/);
      assert.deepEqual(verdict(text), { is: 'known' });
      assert.deepEqual(verdict(text, 'ha2.example', 22), { is: 'changed', file: 'known_hosts', line: 2 });
      assert.deepEqual(verdict(text, 'ha3.example'), { is: 'unknown' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
