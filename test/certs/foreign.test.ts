import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createCipheriv, createHmac, pbkdf2Sync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { derOfBer } from '../../certs/ber.ts';
import { der, field, integer, items, octets, oid, readDer, sequence, TAG } from '../../certs/der.ts';
import { pem } from '../../certs/pem.ts';
import { readCertificateFiles } from '../../certs/read.ts';
import { Work } from '../../certs/work.ts';
import { LockstepError } from '../../schema/error.ts';
import { needs } from '../needs.ts';
import { cpuMs, daysFromNow, issue, keysOf, type Made, NOW } from './ca.ts';
import { openssl, workFolder } from './openssl.ts';

const PASSPHRASE = 'open sesame';
const ROOT = issue({ commonName: 'Root', ca: true });
// NSS wants serials to differ.
const SHOP = issue({ commonName: 'shop', names: ['shop.example'], issuer: ROOT, serial: 2 });

const read = (bytes: Buffer | string, passphrase?: string, work?: Work) =>
  readCertificateFiles([{ name: 'file', bytes: Buffer.from(bytes as Buffer) }], {
    passphrase,
    now: NOW,
    ...(work && { work }),
  });

async function refused(bytes: Buffer | string, passphrase?: string, work?: Work): Promise<LockstepError> {
  const error = await read(bytes, passphrase, work).then(
    () => assert.fail('it was read'),
    thrown => thrown,
  );
  assert.ok(error instanceof LockstepError, String(error));
  return error;
}

describe('a PFX of NSS, as Firefox and pk12util write it', () => {
  const folder = workFolder();

  const kept = (name: string): Buffer =>
    Buffer.from(readFileSync(`test/certs/golden/${name}.pfx.base64`, 'latin1'), 'base64');

  it('is read: one that was kept', async function () {
    this.timeout(60_000);
    const { certificate, key } = await read(kept('nss'), PASSPHRASE);
    assert.equal(certificate.match(/BEGIN CERTIFICATE/g)?.length, 2);
    assert.match(String(key), /BEGIN PRIVATE KEY/);
  });

  it('does not want too much work with the ciphers that Firefox took until 2022', async () => {
    const left = new AbortController();
    const gone = new LockstepError('unit-unreachable', 'This takes long enough.');
    left.abort(gone);
    assert.equal(await refused(kept('nss-2022'), PASSPHRASE, new Work(left.signal)), gone);
  });

  it('is read as pk12util makes it today', async function () {
    needs(this, 'pk12util', 'certutil');
    this.timeout(60_000);
    writeFileSync(join(folder, 'all.pem'), SHOP.pem + SHOP.keyPem + ROOT.pem);
    const input = [
      'pkcs12',
      '-export',
      '-in',
      'all.pem',
      '-name',
      'one',
      '-out',
      'in.pfx',
      '-passout',
      'stdin',
    ];
    openssl(input, { cwd: folder, input: 'x\n' });
    const db = ['-d', 'sql:.'];
    const nss = (program: string, args: string[]) =>
      execFileSync(program, args, { cwd: folder, timeout: 20_000, stdio: 'pipe' });
    nss('certutil', ['-N', ...db, '--empty-password']);
    nss('pk12util', ['-i', 'in.pfx', ...db, '-W', 'x']);
    nss('pk12util', ['-o', 'out.pfx', '-n', 'one', ...db, '-W', PASSPHRASE, '-K', '']);
    const file = readFileSync(join(folder, 'out.pfx'));
    const { certificate, key } = await read(file, PASSPHRASE);
    assert.deepEqual([certificate, key], [SHOP.pem + ROOT.pem, SHOP.keyPem]);
    assert.equal((await refused(file, 'another one')).code, 'wrong-passphrase');
  });
});

const SHA256_HMAC = sequence(oid('1.2.840.113549.2.9'));
const PBKDF2 = '1.2.840.113549.1.5.12';
const DATA = '1.2.840.113549.1.7.1';

const pbkdf2 = (salt: Buffer, rounds: number, length?: number): Buffer =>
  sequence(
    oid(PBKDF2),
    sequence(octets(salt), integer(rounds), ...(length === undefined ? [] : [integer(length)]), SHA256_HMAC),
  );
const contentInfo = (content: Buffer): Buffer => sequence(oid(DATA), der(field(0, true), octets(content)));
const pfx = (safes: Buffer, mac?: Buffer): Buffer =>
  sequence(integer(3), contentInfo(safes), ...(mac === undefined ? [] : [mac]));

/** A PFX of openssl whose code is made anew, by RFC 9579. */
function withPbmac1(file: Buffer, passphrase: string, length: number | null = 32): Buffer {
  const [, content] = items(readDer(derOfBer(file)));
  const [string] = items(items(readDer((content as { whole: Buffer }).whole))[1] as never);
  const safes = (string as { content: Buffer }).content;
  const salt = Buffer.from('0011223344556677', 'hex');
  const code = createHmac('sha256', pbkdf2Sync(passphrase, salt, 2_048, length ?? 32, 'sha256'));
  const algorithm = sequence(
    oid('1.2.840.113549.1.5.14'),
    sequence(pbkdf2(salt, 2_048, length ?? undefined), SHA256_HMAC),
  );
  const info = sequence(algorithm, octets(code.update(safes).digest()));
  return pfx(safes, sequence(info, octets(Buffer.from('NOT USED')), integer(1)));
}

describe('a PFX with the code of RFC 9579', () => {
  const folder = workFolder();
  let made: Buffer;
  before(() => {
    writeFileSync(join(folder, 'all.pem'), SHOP.pem + SHOP.keyPem + ROOT.pem);
    const asked = ['pkcs12', '-export', '-in', 'all.pem', '-nomac', '-passout', 'stdin'];
    made = openssl(asked, { cwd: folder, input: `${PASSPHRASE}\n` });
  });

  it('is read, and a wrong passphrase or a changed byte is found by it', async () => {
    const file = withPbmac1(made, PASSPHRASE);
    const { certificate, key } = await read(file, PASSPHRASE);
    assert.deepEqual([certificate, key], [SHOP.pem + ROOT.pem, SHOP.keyPem]);
    assert.equal((await refused(file, 'another one')).code, 'wrong-passphrase');
    const changed = withPbmac1(made, 'of somebody else');
    assert.equal((await refused(changed, PASSPHRASE)).code, 'wrong-passphrase');
  });

  /** Made by openssl 3.5.9: pkcs12 -export -pbmac1_pbkdf2 -macalg MAC -pbmac1_pbkdf2_md PRF. */
  const foreign = { sha256: 'sha256', sha384: 'sha256', sha512: 'sha512' };
  for (const [mac, prf] of Object.entries(foreign))
    it(`is read as openssl makes it: HMAC of ${mac}, keys by ${prf}`, async () => {
      const text = readFileSync(`test/certs/golden/pbmac1-${mac}.pfx.base64`, 'latin1');
      const file = Buffer.from(text, 'base64');
      const { certificate, key } = await read(file, 'correct-horse');
      assert.match(certificate, /^-----BEGIN CERTIFICATE-----/);
      assert.match(String(key), /^-----BEGIN PRIVATE KEY-----/);
      assert.equal((await refused(file, 'wrong-horse')).code, 'wrong-passphrase');
    });

  it('is read as the openssl of this machine makes it, where it can', async function () {
    const help = spawnSync('openssl', ['pkcs12', '-help'], { encoding: 'utf8' });
    if (!help.stderr?.includes('-pbmac1_pbkdf2')) this.skip(); // openssl before 3.4
    const asked = ['pkcs12', '-export', '-in', 'all.pem', '-pbmac1_pbkdf2', '-passout', 'stdin'];
    const file = openssl(asked, { cwd: folder, input: `${PASSPHRASE}\n` });
    assert.equal((await read(file, PASSPHRASE)).key, SHOP.keyPem);
  });

  it('is refused when its key is too short to protect anything', async () => {
    for (const length of [null, 19])
      assert.equal((await refused(withPbmac1(made, PASSPHRASE, length), PASSPHRASE)).code, 'key-unreadable');
  });
});

describe('what is no PEM, DER or PFX', () => {
  const folder = workFolder();
  const hint = async (bytes: Buffer | string): Promise<string> => {
    const { code, hint: told = '' } = await refused(bytes);
    assert.equal(code, 'certificate-unreadable');
    return told;
  };

  it('is named for what it is, with what makes a readable file of it', async () => {
    writeFileSync(join(folder, 'all.pem'), SHOP.pem + SHOP.keyPem);
    writeFileSync(join(folder, 'shop.pem'), SHOP.pem);
    const made = openssl(['pkcs12', '-export', '-in', 'all.pem', '-passout', 'pass:x'], { cwd: folder });
    const kept = readFileSync('test/certs/golden/nss.pfx.base64', 'latin1');
    assert.match(
      await hint(made.toString('base64')),
      /^It is the base64 of a PFX: base64 -d FILE > NEW\.pfx/,
    );
    assert.match(await hint(kept), /^It is the base64 of a PFX/);
    assert.match(await hint(Buffer.from(SHOP.pem).toString('base64')), /^It is the base64 of PEM: base64 -d/);
    assert.match(await hint(SHOP.der.toString('base64')), /^It is the base64 of DER/);
    const trusted = openssl(['x509', '-in', 'shop.pem', '-trustout', '-addtrust', 'serverAuth'], {
      cwd: folder,
    });
    assert.match(trusted.toString(), /BEGIN TRUSTED CERTIFICATE/);
    assert.match(await hint(trusted), /^It is a TRUSTED CERTIFICATE, .*openssl x509 -in FILE -out NEW\.pem/);
    assert.match(await hint(Buffer.from(`\ufeff${SHOP.pem}`, 'utf16le')), /^It is text in UTF-16: iconv/);
    assert.match(await hint(Buffer.from('feedfeed00000002', 'hex')), /^It is a Java keystore: keytool/);
    assert.match(await hint('{"letsencrypt":{}}'), /^It is JSON/);
    assert.match(await hint('ssh-ed25519 AAAA me@here'), /^It is an SSH key/);
    assert.match(await hint('domain=shop.example\n'), /^It is text without any PEM/);
    assert.match(await hint(Buffer.from('00ff00ff', 'hex')), /^It is damaged/);
  });
});

describe('an expired twin of a CA', () => {
  const top = issue({ commonName: 'Old top', ca: true, to: daysFromNow(-1) });
  const expired = issue({
    commonName: 'New top',
    ca: true,
    keys: keysOf('p256', 5),
    issuer: top,
    to: daysFromNow(-1),
  });
  const valid = issue({ commonName: 'New top', ca: true, keys: keysOf('p256', 5) });
  const low = issue({ commonName: 'Low', ca: true, issuer: valid });
  const leaf = issue({ commonName: 'shop', names: ['shop.example'], issuer: low });
  const pems = (...all: Made[]): string => all.map(each => each.pem).join('');

  it('is left out beside the valid one, and what it leads to as well', async () => {
    const { certificate } = await read(pems(leaf, low, expired, top, valid) + leaf.keyPem);
    assert.equal(certificate, pems(leaf, low, valid));
  });

  it('stays where it is alone', async () => {
    assert.equal((await read(pems(leaf, low, expired, top))).certificate, pems(leaf, low, expired, top));
    assert.equal((await read(pems(leaf, low, expired))).certificate, pems(leaf, low, expired));
  });
});

const BAG = '1.2.840.113549.1.12.10.1';
const MILLION = 1_000_000;
const AES128 = '2.16.840.1.101.3.4.1.2';

const pbes2 = (rounds: number): Buffer =>
  sequence(
    oid('1.2.840.113549.1.5.13'),
    sequence(pbkdf2(Buffer.alloc(8), rounds), sequence(oid(AES128), octets(Buffer.alloc(16)))),
  );

/** What opens with `passphrase` after so many rounds. */
function encrypted(content: Buffer, rounds: number, passphrase: string): Buffer {
  const key = pbkdf2Sync(passphrase, Buffer.alloc(8), rounds, 16, 'sha256');
  const cipher = createCipheriv('aes-128-cbc', key, Buffer.alloc(16));
  return Buffer.concat([cipher.update(content), cipher.final()]);
}

describe('files that want too much work', () => {
  const bag = (id: string, value: Buffer): Buffer =>
    sequence(oid(`${BAG}.${id}`), der(field(0, true), value));
  const shrouded = (rounds: number): Buffer => bag('2', sequence(pbes2(rounds), octets(Buffer.alloc(32))));
  const quickly = async (file: Buffer | string, passphrase?: string): Promise<LockstepError> => {
    const started = cpuMs();
    const error = await refused(file, passphrase);
    const took = cpuMs() - started;
    assert.ok(took < 1_000, `${took} ms`);
    return error;
  };

  it('are refused before any is done: 4,000 keys in a PFX, with a passphrase or without', async () => {
    const bags = sequence(...Array.from({ length: 4_000 }, () => shrouded(MILLION)));
    const file = pfx(sequence(contentInfo(bags)));
    assert.ok(file.length < 1024 * 1024, `${file.length} bytes`);
    for (const passphrase of [undefined, PASSPHRASE])
      assert.equal((await quickly(file, passphrase)).code, 'too-large');
  });

  it('are refused when the keys show only behind the first passphrase', async () => {
    const bags = sequence(...Array.from({ length: 4_000 }, () => shrouded(MILLION)));
    const hidden = sequence(
      oid('1.2.840.113549.1.7.6'),
      der(
        field(0, true),
        sequence(integer(0), sequence(oid(DATA), pbes2(2), der(field(0, false), encrypted(bags, 2, '')))),
      ),
    );
    assert.equal((await quickly(pfx(sequence(hidden)))).code, 'too-large');
  });

  it('are refused as PEM too: keys by the thousand, a few that each want the most', async () => {
    const key = (rounds: number): string =>
      pem('ENCRYPTED PRIVATE KEY', sequence(pbes2(rounds), octets(Buffer.alloc(32))));
    assert.equal((await quickly(key(1).repeat(2_000), PASSPHRASE)).code, 'keys-several');
    assert.equal((await quickly(key(MILLION).repeat(50), PASSPHRASE)).code, 'too-large');
  });

  it('share one budget, however many there are', async () => {
    const secret = SHOP.privateKey.export({ type: 'pkcs8', format: 'der' });
    const own = pem(
      'ENCRYPTED PRIVATE KEY',
      sequence(pbes2(20_000), octets(encrypted(secret, 20_000, PASSPHRASE))),
    );
    assert.equal((await read(SHOP.pem + own, PASSPHRASE)).key, SHOP.keyPem);
    const work = new Work();
    work.claim(11_990_000);
    assert.equal((await refused(SHOP.pem + own, PASSPHRASE, work)).code, 'too-large');
  });

  it('end with who asked for them', async () => {
    const mac = sequence(
      sequence(sequence(oid('2.16.840.1.101.3.4.2.1')), octets(Buffer.alloc(32))),
      octets(Buffer.alloc(8)),
      integer(MILLION),
    );
    const file = pfx(sequence(contentInfo(der(TAG.sequence))), mac);
    const left = new AbortController();
    const gone = new LockstepError('unit-unreachable', 'Nobody waits any more.');
    const reading = refused(file, PASSPHRASE, new Work(left.signal));
    const started = performance.now();
    setTimeout(() => left.abort(gone), 20);
    assert.equal(await reading, gone);
    assert.ok(performance.now() - started < 1_000, `${performance.now() - started} ms`);
  });
});
