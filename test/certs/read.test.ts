import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { der, readDer, TAG } from '../../certs/der.ts';
import { pem } from '../../certs/pem.ts';
import { type ReadOptions, readCertificateFiles } from '../../certs/read.ts';
import { readX509 } from '../../certs/x509.ts';
import { LockstepError } from '../../schema/error.ts';
import { cpuMs, issue, keysOf, type Made, NOW, type Wish } from './ca.ts';
import { openssl, workFolder } from './openssl.ts';

const PASSPHRASE = 'correct horse bättery';
const ROOT = issue({ commonName: 'Root', ca: true });
const LOW = issue({ commonName: 'Low', ca: true, issuer: ROOT });
const shopOf = (wish: Wish): Made =>
  issue({ commonName: 'shop', names: ['www.site.example'], issuer: LOW, ...wish });
const SHOP = shopOf({});
const RSA_SHOP = shopOf({ keys: keysOf('rsa2048', 0) });
const ED_SHOP = shopOf({ kind: 'ed25519' });
const CHAIN = SHOP.pem + LOW.pem + ROOT.pem;

type Given = string | Buffer;
const read = (
  given: Given[],
  passphrase?: string,
  options: Partial<ReadOptions> = {},
): ReturnType<typeof readCertificateFiles> =>
  readCertificateFiles(
    given.map((bytes, index) => ({ name: `file${index}`, bytes: Buffer.from(bytes as Buffer) })),
    { passphrase, now: NOW, ...options },
  );

async function refused(
  code: string,
  given: Given[],
  passphrase?: string,
  options?: Partial<ReadOptions>,
): Promise<LockstepError> {
  const error = await read(given, passphrase, options).then(
    () => assert.fail(`not refused as ${code}`),
    thrown => thrown,
  );
  assert.ok(error instanceof LockstepError, String(error));
  assert.equal(error.code, code);
  assert.ok(error.hint !== undefined || code === 'too-large');
  return error;
}

function holdsKeyOf(made: Made, key: string | undefined): void {
  assert.match(String(key), /^-----BEGIN PRIVATE KEY-----\n/);
  assert.ok(createPrivateKey(String(key)).equals(made.privateKey));
}

describe('files of certificates', () => {
  const folder = workFolder();
  const file = (name: string, content: Given): string => {
    writeFileSync(join(folder, name), content);
    return name;
  };
  const convert = (args: string[], input: string): Buffer => openssl(args, { cwd: folder, input });
  file('pass', PASSPHRASE);
  const OUT = ['-passout', 'file:pass'];

  it('are read in any order, the key in the same or another file', async () => {
    for (const given of [
      [CHAIN + SHOP.keyPem],
      [SHOP.keyPem + ROOT.pem + LOW.pem, SHOP.pem],
      [SHOP.keyPem, LOW.pem + SHOP.pem + ROOT.pem],
      [SHOP.der, SHOP.keyPem, `text before\r\n${(LOW.pem + ROOT.pem).replaceAll('\n', '\r\n')}`],
      [CHAIN + CHAIN, SHOP.keyPem, SHOP.keyPem],
    ]) {
      const { certificate, key } = await read(given);
      assert.equal(certificate, CHAIN);
      holdsKeyOf(SHOP, key);
    }
    assert.deepEqual(await read([ROOT.pem, LOW.pem, SHOP.pem]), { certificate: CHAIN });
  });

  it('may hold cross-signed issuers, which stay, and issuers of others, which do not', async () => {
    const other = issue({ commonName: 'Other root', ca: true });
    const crossed = issue({ commonName: 'Root', ca: true, keys: ROOT, issuer: other });
    const stray = issue({ commonName: 'Stray', ca: true });
    const { certificate } = await read([stray.pem, other.pem + crossed.pem + CHAIN]);
    assert.deepEqual(
      certificate.split(/(?=-----BEGIN)/).map(each => readX509(each).issuer),
      ['CN=Low', 'CN=Root', 'CN=Other root', 'CN=Other root', 'CN=Root'],
    );
    assert.doesNotMatch(certificate, new RegExp(stray.pem.slice(100, 140).replaceAll('+', '\\+')));
  });

  for (const [kind, made] of [
    ['ECDSA', SHOP],
    ['RSA', RSA_SHOP],
    ['Ed25519', ED_SHOP],
  ] as const) {
    it(`take a key of ${kind} as PKCS#8, encrypted or not, PEM or DER`, async () => {
      const pkcs8 = ['pkcs8', '-topk8', ...OUT];
      const ways = [
        ['-v2', 'aes-256-cbc'],
        ['-v2', 'aes-128-cbc', '-v2prf', 'hmacWithSHA512', '-iter', '5000'],
        ['-v2', 'des3', '-v2prf', 'hmacWithSHA1'],
        ['-scrypt'],
        ['-v1', 'PBE-SHA1-3DES'],
        ['-v2', 'aes-192-cbc', '-outform', 'DER'],
      ];
      for (const way of ways) {
        const encrypted = convert([...pkcs8, ...way], made.keyPem);
        const { key } = await read([made.pem, encrypted], PASSPHRASE);
        holdsKeyOf(made, key);
        await refused('passphrase-needed', [made.pem, encrypted]);
        await refused('wrong-passphrase', [made.pem, encrypted], 'another one');
      }
      holdsKeyOf(made, (await read([made.pem, convert(['pkey', '-outform', 'DER'], made.keyPem)])).key);
    });
  }

  it('take keys in the formats of before', async () => {
    for (const [made, tool] of [
      [SHOP, 'ec'],
      [RSA_SHOP, 'rsa'],
    ] as const) {
      const plain = convert([tool, ...(tool === 'rsa' ? ['-traditional'] : [])], made.keyPem);
      assert.match(plain.toString(), /BEGIN (EC|RSA) PRIVATE KEY/);
      holdsKeyOf(made, (await read([made.pem, plain])).key);
      holdsKeyOf(
        made,
        (
          await read([
            made.pem,
            convert([tool, '-outform', 'DER', ...(tool === 'rsa' ? ['-traditional'] : [])], made.keyPem),
          ])
        ).key,
      );
      for (const cipher of ['-des3', '-aes128', '-aes256']) {
        const args = [tool, cipher, ...OUT, ...(tool === 'rsa' ? ['-traditional'] : [])];
        const encrypted = convert(args, made.keyPem);
        assert.match(encrypted.toString(), /Proc-Type: 4,ENCRYPTED/);
        holdsKeyOf(made, (await read([made.pem, encrypted], PASSPHRASE)).key);
        await refused('passphrase-needed', [made.pem, encrypted]);
        await refused('wrong-passphrase', [made.pem, encrypted], 'another one');
      }
    }
    const legacy = ['-provider', 'legacy', '-provider', 'default'];
    const single = convert(['ec', '-des', ...OUT, ...legacy], SHOP.keyPem);
    holdsKeyOf(SHOP, (await read([SHOP.pem, single], PASSPHRASE)).key);
    for (const cipher of ['PBE-MD5-DES', 'PBE-SHA1-DES', 'PBE-SHA1-RC2-40', 'PBE-SHA1-RC2-128']) {
      const encrypted = convert(['pkcs8', '-topk8', ...OUT, '-v1', cipher, ...legacy], SHOP.keyPem);
      holdsKeyOf(SHOP, (await read([SHOP.pem, encrypted], PASSPHRASE)).key);
    }
  });

  const pfx = (made: Made, more: string[], out = OUT): Buffer => {
    const args = ['-inkey', file('key.pem', made.keyPem), '-certfile', file('chain.pem', ROOT.pem + LOW.pem)];
    return convert(['pkcs12', '-export', ...args, ...out, ...more], made.pem);
  };

  it('may be PKCS#12, with ciphers of today and of before, RSA and EC', async () => {
    const legacy = ['-provider', 'legacy', '-provider', 'default'];
    const ways = [
      [],
      ['-keypbe', 'AES-128-CBC', '-certpbe', 'AES-256-CBC', '-macalg', 'sha512', '-iter', '20000'],
      ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES', '-macalg', 'sha1'],
      ['-legacy', ...legacy],
      ['-keypbe', 'PBE-SHA1-2DES', '-certpbe', 'PBE-SHA1-RC2-128', '-macalg', 'sha384', ...legacy],
      ['-certpbe', 'NONE'],
      ['-nomac'],
    ];
    for (const made of [SHOP, RSA_SHOP, ED_SHOP]) {
      for (const way of ways) {
        const { certificate, key } = await read([pfx(made, way)], PASSPHRASE);
        assert.equal(certificate, made.pem + LOW.pem + ROOT.pem, way.join(' '));
        holdsKeyOf(made, key);
      }
    }
    for (const way of [[], ['-legacy', ...legacy], ['-nomac']]) {
      await refused('passphrase-needed', [pfx(SHOP, way)]);
      await refused('wrong-passphrase', [pfx(SHOP, way)], 'another one');
    }
  });

  it('may be PKCS#12 without a passphrase, without a key, or in the looser spelling of BER', async () => {
    holdsKeyOf(SHOP, (await read([pfx(SHOP, [], ['-passout', 'pass:'])])).key);
    const only = convert(['pkcs12', '-export', '-nokeys', ...OUT], SHOP.pem);
    assert.deepEqual(await read([only], PASSPHRASE), { certificate: SHOP.pem });
    const loose = looser(pfx(SHOP, []));
    assert.throws(() => readDer(loose));
    holdsKeyOf(SHOP, (await read([loose], PASSPHRASE)).key);
  });

  it('that do not fit together are refused, each for its own reason', async () => {
    await refused('certificate-missing', [SHOP.keyPem]);
    await refused('certificate-missing', ['']);
    await refused('certificate-missing', [
      convert(['req', '-new', '-subj', '/CN=shop', '-key', file('k.pem', SHOP.keyPem)], ''),
    ]);
    for (const form of ['PEM', 'DER']) {
      file('chain.pem', CHAIN);
      const args = ['crl2pkcs7', '-nocrl', '-certfile', 'chain.pem', '-outform', form];
      const { hint } = await refused('certificate-unreadable', [convert(args, '')]);
      assert.match(hint ?? '', /It is PKCS#7: openssl pkcs7 .*-print_certs/);
    }
    await refused('keys-several', [CHAIN, SHOP.keyPem + RSA_SHOP.keyPem]);
    await refused('key-unfit', [CHAIN, RSA_SHOP.keyPem]);
    const { message } = await refused('certificates-several', [SHOP.pem + ROOT.pem + RSA_SHOP.pem]);
    for (const { x509 } of [SHOP, RSA_SHOP]) assert.ok(message.includes(`"CN=shop" (serial ${x509.serial})`));
    await refused('certificates-several', [SHOP.pem + RSA_SHOP.pem, SHOP.keyPem]);
    await refused('certificates-several', [SHOP.pem + shopOf({ keys: SHOP }).pem, SHOP.keyPem]);
    await refused('too-large', [ROOT.pem.repeat(101)]);
  });

  it('that are damaged are refused without a word of the key', async () => {
    const marker = SHOP.keyPem.split('\n')[1] as string;
    const cut = `${SHOP.keyPem.slice(0, 120)}\n-----END PRIVATE KEY-----\n`;
    const raw = Buffer.from(SHOP.keyPem.split('\n').slice(1, -2).join(''), 'base64');
    for (const [code, given] of [
      ['key-unreadable', [SHOP.pem, cut]],
      ['key-unreadable', [SHOP.pem, SHOP.keyPem.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE')]],
      ['key-unreadable', [SHOP.pem, SHOP.keyPem.replaceAll('PRIVATE', 'DSA PRIVATE')]],
      ['key-unreadable', [SHOP.pem, SHOP.keyPem.replace('\n', '\n*')]],
      ['key-unreadable', [SHOP.pem, Buffer.concat([raw.subarray(0, 40), Buffer.alloc(raw.length - 40)])]],
      ['certificate-unreadable', [SHOP.pem, SHOP.keyPem.slice(0, -10)]],
      ['certificate-unreadable', [SHOP.pem, raw.subarray(0, 80)]],
      ['certificate-unreadable', [SHOP.pem.replace('MII', 'MIJ')]],
    ] as [string, Given[]][]) {
      const { message, hint, facts, stack } = await refused(code, given, PASSPHRASE);
      const told = JSON.stringify([message, hint, facts, stack]);
      for (let at = 0; at + 8 <= marker.length; at += 8)
        assert.ok(!told.includes(marker.slice(at, at + 8)), `${code}: ${told}`);
    }
  });

  it('that ask for too much work are refused at once', async () => {
    const pkcs8 = convert(
      ['pkcs8', '-topk8', ...OUT, '-v2', 'aes-256-cbc', '-iter', '1000', '-outform', 'DER'],
      SHOP.keyPem,
    );
    const at = pkcs8.indexOf(Buffer.of(TAG.integer, 2, 0x03, 0xe8));
    assert.ok(at > 0);
    const many = withInteger(pkcs8, at, Buffer.of(0x7f, 0xff, 0xff, 0xff));
    await refused('too-large', [SHOP.pem, many], PASSPHRASE);
    const scrypted = convert(
      ['pkcs8', '-topk8', ...OUT, '-scrypt', '-scrypt_N', '1024', '-outform', 'DER'],
      SHOP.keyPem,
    );
    const wide = withInteger(
      scrypted,
      scrypted.indexOf(Buffer.of(TAG.integer, 2, 0x04, 0x00)),
      Buffer.of(0x40, 0, 0, 0),
    );
    await refused('too-large', [SHOP.pem, wide], PASSPHRASE);
    const mac = pfx(SHOP, ['-iter', '3001']);
    const last = mac.lastIndexOf(Buffer.of(TAG.integer, 2, 0x0b, 0xb9));
    await refused('too-large', [withInteger(mac, last, Buffer.of(0x7f, 0xff, 0xff, 0xff))], PASSPHRASE);
  });

  it('that are rubbish are refused in bounded time', async () => {
    const started = cpuMs();
    const nested = (tag: number): Buffer => {
      let inner: Buffer = Buffer.alloc(0);
      for (let depth = 0; depth < 5_000; depth += 1) inner = der(tag, inner);
      return inner;
    };
    const mega = 1024 * 1024;
    for (const given of [
      randomBytes(mega),
      Buffer.alloc(mega, 0x30),
      Buffer.alloc(mega, Buffer.of(0x30, 0x80)),
      Buffer.alloc(mega, Buffer.of(0x24, 0x80)),
      Buffer.alloc(mega, '-----BEGIN CERTIFICATE-----\n'),
      Buffer.alloc(mega, '-----BEGIN '),
      Buffer.alloc(mega, 'A: b\n'),
      nested(TAG.sequence),
      nested(0xa0),
      pem('CERTIFICATE', nested(TAG.sequence)),
      pem('CERTIFICATE', randomBytes(100_000)),
      pem('PRIVATE KEY', randomBytes(100_000)),
      Buffer.concat([SHOP.der, Buffer.alloc(1)]),
      SHOP.der.subarray(0, -1),
    ]) {
      const error = await read([given], PASSPHRASE).catch((thrown: unknown) => thrown);
      assert.ok(error instanceof LockstepError && error.class === 'refused', String(error));
    }
    await refused('too-large', [Buffer.alloc(mega + 1)]);
    assert.ok(cpuMs() - started < 5_000);
  });

  it('with any byte changed or cut are read or refused, and what is read OpenSSL reads too', async () => {
    let readable = 0;
    for (let at = 0; at < SHOP.der.length; at += 1) {
      for (const bytes of [
        SHOP.der.subarray(0, at),
        changed(SHOP.der, at, 0x01),
        changed(SHOP.der, at, 0x80),
      ]) {
        try {
          const { certificate } = await read([bytes]);
          new X509Certificate(certificate);
          readable += 1;
        } catch (error) {
          assert.ok(error instanceof LockstepError && error.class === 'refused', String(error));
        }
      }
    }
    assert.ok(readable > 100 && readable < 2 * SHOP.der.length, `${readable}`);
  });

  it('of another make are read: what `openssl req` writes', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    const key = privateKey.export({ type: 'sec1', format: 'pem' }).toString();
    const subject = '/C=AT/O=Site, One/CN=www.site.example';
    const names = 'subjectAltName=DNS:www.site.example,DNS:*.site.example,IP:2001:db8::1,IP:10.0.0.1';
    const args = ['req', '-x509', '-new', '-subj', subject, '-addext', names, '-days', '100', '-sha384'];
    const made = convert([...args, '-key', file('req.key', key)], '');
    const { certificate } = await read([made, key]);
    const x509 = readX509(certificate);
    assert.equal(x509.subject, 'C=AT, O=Site\\, One, CN=www.site.example');
    assert.deepEqual(x509.names, ['www.site.example', '*.site.example']);
    assert.deepEqual(x509.addresses, ['2001:db8::1', '10.0.0.1']);
    assert.deepEqual(x509.key, { type: 'ec', curve: 'P-384', bits: 384 });
    assert.equal(x509.signatureHash, 'sha384');
    const told = new X509Certificate(made);
    assert.equal(x509.fingerprint, told.fingerprint256.replaceAll(':', '').toLowerCase());
    assert.equal(x509.serial, told.serialNumber.toLowerCase());
    assert.equal(x509.notAfter.getTime(), Date.parse(told.validTo));
    assert.equal(x509.pem, readFileSync(join(folder, file('out.pem', made)), 'utf8'));
  });
});

function changed(bytes: Buffer, at: number, mask: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] as number) ^ mask;
  return copy;
}

/** Every constructed element told by its end, as some programs of before write them; strings in two pieces. */
function looser(bytes: Buffer): Buffer {
  const { tag, content } = readDer(bytes);
  const end = Buffer.of(0, 0);
  if (tag === TAG.octetString && content.length > 100) {
    const half = content.length >> 1;
    const pieces = [
      der(TAG.octetString, content.subarray(0, half)),
      der(TAG.octetString, content.subarray(half)),
    ];
    return Buffer.concat([Buffer.of(0x24, 0x80), ...pieces, end]);
  }
  if ((tag & 0x20) === 0) return bytes;
  const inner: Buffer[] = [];
  for (let rest = content; rest.length > 0; ) {
    const length = lengthAt(rest);
    inner.push(looser(rest.subarray(0, length)));
    rest = rest.subarray(length);
  }
  return Buffer.concat([Buffer.of(tag, 0x80), ...inner, end]);
}

function lengthAt(bytes: Buffer): number {
  const first = bytes[1] as number;
  return first < 0x80 ? 2 + first : 2 + (first & 0x7f) + bytes.readUIntBE(2, first & 0x7f);
}

/** The two-byte integer at `at` replaced by a longer one; the lengths around it grow. */
function withInteger(bytes: Buffer, at: number, value: Buffer): Buffer {
  const rebuilt = (part: Buffer, start: number): Buffer => {
    if (start === at) return der(TAG.integer, value);
    const { tag, content } = readDer(part);
    const end = start + part.length;
    if ((tag & 0x20) === 0 || at < start || at >= end) return part;
    const inner: Buffer[] = [];
    let [rest, from] = [content, end - content.length];
    while (rest.length > 0) {
      const length = lengthAt(rest);
      inner.push(rebuilt(rest.subarray(0, length), from));
      rest = rest.subarray(length);
      from += length;
    }
    return der(tag, ...inner);
  };
  return rebuilt(bytes, 0);
}
