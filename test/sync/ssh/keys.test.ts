import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LockstepError } from '../../../schema/error.ts';
import {
  fingerprint,
  generateKeyPair,
  loadOrCreateKey,
  parsePrivateKey,
  publicBlob,
} from '../../../sync/ssh/keys.ts';
import { needs } from '../../needs.ts';

function refusal(code: string, text: RegExp): (error: unknown) => boolean {
  return error => error instanceof LockstepError && error.code === code && text.test(error.message);
}

describe('keys of a unit', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lockstep-keys-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('a generated key reads back as the same public key, for 300 keys', () => {
    for (let i = 0; i < 300; i++) {
      const pair = generateKeyPair('ha1');
      assert.equal(parsePrivateKey(pair.private, 'test').public, pair.public);
    }
  });

  it('something else than an Ed25519 public key is refused', () => {
    const good = generateKeyPair().public;
    for (const line of [
      '',
      'ssh-ed25519',
      'ssh-rsa AAAA',
      good.slice(0, 60),
      good.replace('ssh-ed25519', 'ssh-rsa'),
    ]) {
      assert.throws(() => publicBlob(line), refusal('bad-usage', /not an Ed25519 public key/), line);
    }
  });

  it('the key is made once, readable by nobody else whatever the umask, and stays the same', async () => {
    const file = join(folder, 'host');
    for (const umask of [0o000, 0o777]) {
      const old = process.umask(umask);
      const made = await loadOrCreateKey(file).finally(() => process.umask(old));
      assert.equal(statSync(file).mode & 0o777, 0o600);
      assert.deepEqual(await loadOrCreateKey(file), made);
      assert.deepEqual(readdirSync(folder), ['host']);
      rmSync(file);
    }
  });

  it('a key that others can read is refused, and the way to mend it is told', async () => {
    const file = join(folder, 'host');
    await loadOrCreateKey(file);
    chmodSync(file, 0o640);
    await assert.rejects(loadOrCreateKey(file), error => {
      assert.ok(refusal('lax-permissions', /mode 0640/)(error));
      assert.equal((error as LockstepError).hint, `chmod 600 ${file}`);
      return true;
    });
  });

  it('a damaged key is refused with the reason, and never replaced', async () => {
    const file = join(folder, 'host');
    const { private: good } = generateKeyPair();
    const body = good.split('\n').slice(1, -2).join('');
    const pem = (base64: string): string =>
      `-----BEGIN OPENSSH PRIVATE KEY-----\n${base64}\n-----END OPENSSH PRIVATE KEY-----\n`;
    const mixed = Buffer.from(body, 'base64');
    mixed.writeUInt8(mixed.readUInt8(70) ^ 1, 70);
    const cases: [string, RegExp][] = [
      ['', /no OpenSSH private key/],
      ['ssh-ed25519 AAAA', /no OpenSSH private key/],
      [pem('AAAA'), /not an OpenSSH key/],
      [pem(body.slice(0, 120)), /cut short/],
      [pem(mixed.toString('base64')), /do not belong together/],
      ['x'.repeat(100_000), /100000 bytes/],
    ];
    for (const [text, reason] of cases) {
      writeFileSync(file, text, { mode: 0o600 });
      await assert.rejects(loadOrCreateKey(file), refusal('damaged-store', reason));
      assert.equal(readFileSync(file, 'utf8'), text);
    }
  });

  it('a folder that is not there, or cannot be written, is an error of the disk', async () => {
    await assert.rejects(loadOrCreateKey(join(folder, 'none', 'host')), refusal('disk', /cannot be written/));
    mkdirSync(join(folder, 'taken'));
    await assert.rejects(loadOrCreateKey(join(folder, 'taken')), LockstepError);
  });

  describe('as ssh-keygen sees them', () => {
    before(function () {
      needs(this, 'ssh-keygen');
    });

    it('ssh-keygen reads our key and prints the same fingerprint', async () => {
      const file = join(folder, 'host');
      const pair = await loadOrCreateKey(file, 'ha1');
      assert.equal(run('ssh-keygen', '-y', '-f', file).trim(), pair.public);
      assert.ok(run('ssh-keygen', '-l', '-f', file).includes(` ${fingerprint(pair.public)} ha1 `));
    });

    it('we read a key that ssh-keygen made', async () => {
      const file = join(folder, 'theirs');
      run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'by hand', '-f', file);
      const pair = await loadOrCreateKey(file);
      assert.equal(pair.public, readFileSync(`${file}.pub`, 'utf8').trim());
    });

    it('a key with a passphrase, and one of another kind, are refused by name', async () => {
      const locked = join(folder, 'locked');
      run('ssh-keygen', '-q', '-t', 'ed25519', '-N', 'secret', '-f', locked);
      await assert.rejects(loadOrCreateKey(locked), refusal('damaged-store', /passphrase/));
      const ecdsa = join(folder, 'ecdsa');
      run('ssh-keygen', '-q', '-t', 'ecdsa', '-N', '', '-f', ecdsa);
      await assert.rejects(loadOrCreateKey(ecdsa), refusal('damaged-store', /not an Ed25519 key/));
    });
  });
});

function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', timeout: 5_000 });
}
