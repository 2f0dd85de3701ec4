import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import type { BundleRecord, Manifest } from '../../backup/bundle.ts';
import { openBundle } from '../../backup/read.ts';
import { BundleSource } from '../../backup/source.ts';
import type { LockstepError } from '../../schema/error.ts';
import type { Part } from '../../schema/kind.ts';
import { temporaryFolder } from '../e2e/daemon.ts';
import {
  anyBytes,
  bundle,
  END,
  entriesOf,
  entry,
  type ForgedEntry,
  LINES,
  literal,
  manifest,
  PASSPHRASE,
  packet,
  sealed,
  sealedPackets,
  tar,
  VS,
} from './forge.ts';
import { read, refusal } from './open.ts';

/** The tag of the packet that a bundle has inside. */
const LITERAL = 11;

const good = (): Buffer => gzipSync(tar(entriesOf()));

async function refused(
  attacks: Record<string, Buffer>,
  codes: Record<string, string> = {},
  byDefault = 'damaged-bundle',
): Promise<void> {
  for (const [name, bytes] of Object.entries(attacks)) {
    const error = await refusal(bytes).catch((thrown: Error) => assert.fail(`${name}: ${thrown.message}`));
    assert.equal(error.code, codes[name] ?? byDefault, `${name}: ${error.message}`);
    assert.match(error.message, /Nothing of it was used|This version|this version/, name);
  }
}

describe('a reader of bundles', () => {
  it('takes what is made after the description of the format', async () => {
    const { manifest: said, records } = await read(bundle());
    assert.deepEqual(said, manifest());
    assert.deepEqual(
      records.map(record => JSON.stringify(record)),
      Object.values(LINES).flat(),
    );
  });

  it('gives the parts that are asked for', async () => {
    const { records } = await read(bundle(), { parts: ['vs'] });
    assert.deepEqual(
      records.map(({ path }) => path),
      [VS, `${VS}/realServers/10.0.1.7:8080`],
    );
  });

  it('takes folders, any order of the parts, PEM files, and padding at the end', async () => {
    const [said, ...parts] = entriesOf({ ...LINES, certs: ['{"path":"certificates/a","value":{}}'] });
    const entries = [
      said as ForgedEntry,
      { name: 'parts/', type: '5', mode: 0o755 },
      ...parts.reverse(),
      { name: 'certificates/', type: '5' },
      { name: 'certificates/a.pem', content: 'PEM' },
    ];
    const { records } = await read(bundle(Buffer.concat([tar(entries), Buffer.alloc(10_240)])));
    assert.equal(records.length, 4);
  });

  it('tells a wrong passphrase from damage', async () => {
    assert.equal((await refusal(bundle(), 'another one')).code, 'wrong-passphrase');
    assert.equal((await refusal(bundle(), '')).code, 'bad-usage');
  });

  it('refuses what is no OpenPGP message under one passphrase', async () => {
    const [key, data] = sealedPackets(literal(good()));
    await refused(
      {
        empty: Buffer.alloc(0),
        text: Buffer.from('hello, this is a text of some length, so that it is not just short'),
        armour: Buffer.from('-----BEGIN PGP MESSAGE-----\n\nwy4ECQMI\n'),
        plaintext: literal(good()),
        'a bare archive': good(),
        'only a key packet': key,
        '50 passphrases': Buffer.concat([...Array(50).fill(key), data]),
        'two passphrases': Buffer.concat([key, key, data]),
        'data without protection': Buffer.concat([key, packet(9, data.subarray(7))]),
        'a simple key': Buffer.concat([packet(3, Buffer.from([4, 9, 0, 8])), data]),
        'a salted key': Buffer.concat([
          packet(3, Buffer.concat([Buffer.from([4, 9, 1, 8]), Buffer.alloc(8)])),
          data,
        ]),
        CAST5: Buffer.concat([packet(3, Buffer.concat([Buffer.from([4, 3, 3, 8]), Buffer.alloc(9)])), data]),
        'a key for somebody': Buffer.concat([packet(1, Buffer.alloc(40)), data]),
        'Argon2 with 2^31 KiB': Buffer.concat([argon2(1, 4, 31), data]),
        'Argon2 with 255 passes': Buffer.concat([argon2(255, 4, 16), data]),
        'OpenPGP compression': Buffer.concat(sealedPackets(compressed(literal(good())))),
        'compression in compression': Buffer.concat(sealedPackets(compressed(compressed(literal(good()))))),
      },
      { 'only a key packet': 'damaged-bundle' },
      'not-a-bundle',
    );
  });

  it('refuses encrypted data that was changed or cut', async () => {
    const whole = bundle();
    const [key, data] = sealedPackets(literal(good()));
    const flipped = (at: number): Buffer => {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] as number) ^ 0x10;
      return bytes;
    };
    const headers = 19 + 7;
    const flips = [18, 40, 100, 300, 500, whole.length - headers - 25, whole.length - headers - 1];
    await refused({
      'no detection code': bundle(undefined, { mdc: 'none' }),
      'a wrong detection code': bundle(undefined, { mdc: 'wrong' }),
      'something behind it': Buffer.concat([whole, Buffer.from('x')]),
      'a packet behind it': Buffer.concat([whole, literal(good())]),
      'the message twice': Buffer.concat([whole, whole]),
      'data twice': Buffer.concat([key, data, data]),
      'a second literal': Buffer.concat(sealedPackets(Buffer.concat([literal(good()), literal(good())]))),
      'no literal': Buffer.concat(sealedPackets(packet(60, Buffer.from('private')))),
      ...Object.fromEntries(flips.map(at => [`a flipped bit at ${at}`, flipped(headers + at)])),
    });
  });

  it('refuses what is neither plain nor read by anybody, whatever it is and however long it says it is', async () => {
    const attacks: Record<string, Buffer> = {};
    for (let tag = 0; tag < 64; tag++)
      for (const size of tag === LITERAL ? [] : [0, 1, 20, 20_000]) {
        const inner = packet(tag, anyBytes(size));
        attacks[`packet ${tag} of ${size} bytes`] = Buffer.concat(sealedPackets(inner));
        if (size === 0) continue;
        attacks[`packet ${tag} of ${size} bytes, cut`] = Buffer.concat(sealedPackets(inner.subarray(0, -1)));
        if (tag < 16)
          attacks[`packet ${tag} without a length, of ${size} bytes`] = Buffer.concat(
            sealedPackets(Buffer.concat([Buffer.from([0x83 | (tag << 2)]), anyBytes(size)])),
          );
      }
    const compression = Object.keys(attacks).filter(name => /^packet 8\b/.test(name));
    await refused(attacks, Object.fromEntries(compression.map(name => [name, 'not-a-bundle'])));
  });

  it('refuses a message that is cut at any 4 KB', async () => {
    const lines = manyLines(4000);
    const whole = bundle(tar(entriesOf({ base: lines })));
    assert.ok(whole.length > 4 * 4096);
    for (let at = 4096; at < whole.length; at += 4096)
      await refused({ [`cut at ${at}`]: whole.subarray(0, at) });
    await refused({ 'cut by one byte': whole.subarray(0, -1) });
  });

  it('refuses a packed content that is cut, goes on, or is none', async () => {
    await refused({
      'no gzip': sealed(tar(entriesOf())),
      nothing: sealed(Buffer.alloc(0)),
      'cut gzip': sealed(good().subarray(0, -9)),
      'a changed checksum': sealed(Buffer.concat([good().subarray(0, -8), Buffer.alloc(8)])),
      'something behind it': sealed(Buffer.concat([good(), Buffer.from('something')])),
      'zeros behind it': sealed(Buffer.concat([good(), Buffer.alloc(100)])),
      'a second archive behind it': sealed(Buffer.concat([good(), good()])),
      'an empty archive': bundle(END),
    });
  });

  it('refuses an archive with anything but plain files of known names', async () => {
    const with_ = (...more: ForgedEntry[]): Buffer => bundle(tar([...entriesOf(), ...more]));
    const named = (name: string): Buffer => with_({ name, content: 'x' });
    const pax = (record: string, type = 'x'): ForgedEntry => ({ name: 'PaxHeader', type, content: record });
    const part = entriesOf()[1] as ForgedEntry;
    await refused({
      'a folder up': named('../x.pem'),
      'a folder up within': named('certificates/../../x.pem'),
      absolute: named('/etc/passwd'),
      backslash: named('certificates\\..\\x.pem'),
      dots: named('certificates/..'),
      'another name': named('etc/passwd'),
      'a part that the manifest lacks': named('parts/geo.ndjson'),
      'a folder of another name': with_({ name: 'etc/', type: '5' }),
      'a name that hides something': with_({
        name: 'certificates/a.pem',
        over: [30, Buffer.from('hidden')],
      }),
      'control characters': named('certificates/\x1b[2J.pem'),
      'a symbolic link': with_({ name: 'certificates/a.pem', type: '2', link: '/etc/passwd' }),
      'a hard link': with_({ name: 'certificates/a.pem', type: '1', link: 'manifest.json' }),
      'a file with a link': with_({ name: 'certificates/a.pem', link: '/etc/passwd' }),
      'a character device': with_({ name: 'certificates/a.pem', type: '3' }),
      'a block device': with_({ name: 'certificates/a.pem', type: '4' }),
      'a fifo': with_({ name: 'certificates/a.pem', type: '6' }),
      'a sparse file': with_({ name: 'certificates/a.pem', type: 'S' }),
      setuid: with_({ name: 'certificates/a.pem', mode: 0o4755 }),
      'a folder with content': with_({ name: 'parts/', type: '5', content: 'x' }),
      'a name twice': with_(part),
      'the manifest twice': with_(entriesOf()[0] as ForgedEntry),
      'a path of pax': with_(pax('22 path=../../x.pem\n'), { name: 'certificates/a.pem' }),
      'a size of pax': with_(pax('11 size=99\n'), { name: 'certificates/a.pem' }),
      'a path of pax for all': with_(pax('22 path=../../x.pem\n', 'g')),
      'a long name of GNU': with_({ name: '././@LongLink', type: 'L', content: 'x'.repeat(200) }),
      'a prefix': with_({ name: 'a.pem', over: [345, Buffer.from('certificates')] }),
      'an old format': with_({ name: 'certificates/a.pem', magic: '\0'.repeat(8) }),
      'a size in another base': with_({ name: 'certificates/a.pem', size: '\x80\0\0\0\0\0\0\0\0\0\0\x01' }),
      'a negative size': with_({ name: 'certificates/a.pem', size: '-0000000001\0' }),
      'more files than certificates': with_(
        ...Array.from({ length: 9 }, (_, i) => ({ name: `certificates/${i}.pem` })),
      ),
      'no manifest first': bundle(tar(entriesOf().reverse())),
      'a part that is missing': bundle(tar(entriesOf().slice(0, 2))),
      'an entry after the end': bundle(
        Buffer.concat([tar(entriesOf()), entry({ name: 'certificates/a.pem' }), END]),
      ),
      'an end of one block': bundle(
        Buffer.concat([...entriesOf().map(entry), Buffer.alloc(512), entry({ name: 'certificates/a.pem' })]),
      ),
      'endless padding': bundle(Buffer.concat([tar(entriesOf()), Buffer.alloc(1024 * 1024)])),
      'cut at an entry': bundle(Buffer.concat(entriesOf().map(entry))),
      'cut in an entry': bundle(Buffer.concat(entriesOf().map(entry)).subarray(0, -700)),
      'a size that lies high': bundle(
        tar([...entriesOf().slice(0, 2), { ...entriesOf()[2], size: 99_999 } as ForgedEntry]),
      ),
      'a size that lies low': bundle(tar([entriesOf()[0] as ForgedEntry, { ...part, size: 3 }])),
      'something in the padding': bundle(
        Buffer.concat([
          filled(entry(entriesOf()[0] as ForgedEntry)),
          ...entriesOf().slice(1).map(entry),
          END,
        ]),
      ),
    });
  });

  it('refuses records that cannot be what they seem', async () => {
    const base = (...lines: string[]): Buffer => bundle(tar(entriesOf({ base: lines })));
    const line = LINES.base?.[0] as string;
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
    await refused({
      'a path twice': base(line, line),
      'paths out of order': base('{"path":"b","value":{}}', '{"path":"a","value":{}}'),
      'a reserved key': base('{"path":"host","value":{"__proto__":{"a":1}}}'),
      'a reserved key outside': base('{"path":"host","value":{},"__proto__":{}}'),
      'a key twice': base('{"path":"host","value":{"a":1,"a":2}}'),
      'the path twice in one': base('{"path":"host","path":"ha","value":{}}'),
      'deep nesting': base(`{"path":"host","value":{"a":${deep}}}`),
      'a huge number': base('{"path":"host","value":{"a":1e400}}'),
      'a number that is not kept': base('{"path":"host","value":{"a":9007199254740993}}'),
      'no record': base('[1]'),
      'another member': base('{"path":"host","value":{},"more":1}'),
      'no path': base('{"path":"","value":{}}'),
      'no value': base('{"path":"host","value":null}'),
      'no JSON': base('{"path":"host","value":{}'),
      'an empty line': base(line, ''),
      'half a character': base('{"path":"host","value":{"a":"\\ud800"}}'),
      'no UTF-8': bundle(
        tar(bytesInsteadOf(Buffer.from('{"path":"host","value":{"a":"\xff"}}\n', 'latin1'))),
      ),
    });
  });

  it('refuses a manifest that is wrong, or that disagrees', async () => {
    const said = (more: object, name = 'parts'): Buffer =>
      bundle(tar(entriesOf(LINES, { ...manifest(), [name]: manifest().parts, ...more })));
    const [base, vs] = manifest().parts as [Manifest['parts'][0], Manifest['parts'][0]];
    const raw = (content: string): Buffer =>
      bundle(tar([{ name: 'manifest.json', content }, ...entriesOf().slice(1)]));
    await refused(
      {
        'no JSON': raw('{'),
        'no object': raw('[]'),
        'a key twice': raw('{"format":1,"format":1}'),
        'a reserved key': raw('{"__proto__":{"format":1}}'),
        'too large': raw(`"${'x'.repeat(9 * 1024 * 1024)}"`),
        'a later format': said({ format: 2 }),
        'no format': said({ format: null }),
        'another kind': said({ kind: 'photos' }),
        'no unit': said({ unit: 'me' }),
        'a mode that there is not': said({ unit: { ...manifest().unit, mode: 'third' } }),
        'no time': said({ createdAt: 'yesterday' }),
        'a negative revision': said({ revision: -1 }),
        'a part twice': said({ parts: [base, base, vs] }),
        'a part that there is not': said({ parts: [{ ...base, part: 'all' }] }),
        'a file elsewhere': said({ parts: [{ ...base, file: '../../etc/passwd' }, vs] }),
        'fewer records': said({ parts: [base, { ...vs, records: 1 }] }),
        'more records': said({ parts: [base, { ...vs, records: 3 }] }),
        'another size': said({ parts: [base, { ...vs, bytes: vs.bytes + 1 }] }),
        'another hash': said({ parts: [base, { ...vs, sha256: base.sha256 }] }),
        'no hash': said({ parts: [base, { ...vs, sha256: '' }] }),
        'a part that is not there': said({
          parts: [base, vs, { ...vs, part: 'geo', file: 'parts/geo.ndjson' }],
        }),
      },
      { 'a later format': 'newer-format' },
    );
  });

  it('hands out nothing of a bundle whose verdict, at its end, is bad', async () => {
    let looked = 0;
    const bad = bundle(tar(entriesOf({ base: manyLines(4000) })), { mdc: 'wrong' });
    const error: unknown = await read(bad, { look: () => void looked++ }).catch((thrown: unknown) => thrown);
    assert.equal((error as LockstepError).code, 'damaged-bundle');
    assert.ok(looked > 0, 'it was read up to there');
  });

  it('gives the same records whether it kept them or reads them again, each time anew, of all parts or some', async () => {
    const whole = bundle(tar(entriesOf({ base: manyLines(40) })));
    const [kept, again] = [await read(whole, { keptBytes: 1e6 }), await read(whole)];
    assert.ok(kept.records.length >= 40);
    assert.deepEqual(kept, again);
    for (const parts of [['base'], ['certs']] satisfies Part[][])
      assert.deepEqual(await read(whole, { parts, keptBytes: 1e6 }), await read(whole, { parts }));
  });

  it('rejects records of a file that is not the one that was checked', async () => {
    const { folder, remove } = temporaryFolder();
    const file = path.join(folder, 'a.lockstep');
    writeFileSync(file, bundle());
    const source = await BundleSource.open(file);
    try {
      const kept = await openBundle(source, PASSPHRASE, { keptBytes: 1e6 });
      const opened = await openBundle(source, PASSPHRASE);
      const checked = await all(opened.records());
      // Under the same name, in the same file: another good bundle, and the same one with a bit changed.
      const flipped = readFileSync(file);
      flipped[200] = (flipped[200] as number) ^ 1;
      for (const other of [bundle(tar(entriesOf({ base: [] }))), flipped]) {
        writeFileSync(file, other);
        await assert.rejects(all(opened.records()), { code: 'damaged-bundle' });
        assert.deepEqual(await all(kept.records()), checked, 'what is kept in memory is what was checked');
      }
    } finally {
      await source.close();
      remove();
    }
  });
});

async function all(records: AsyncIterable<BundleRecord>): Promise<BundleRecord[]> {
  const found = [];
  for await (const record of records) found.push(record);
  return found;
}

function manyLines(count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) => `{"path":"hosts/${1e6 + i}","value":{"a":"${Math.sin(i)}"}}`,
  );
}

function filled(block: Buffer): Buffer {
  block[block.length - 1] = 1;
  return block;
}

function argon2(passes: number, lanes: number, exponent: number): Buffer {
  const s2k = Buffer.concat([Buffer.from([4]), Buffer.alloc(16), Buffer.from([passes, lanes, exponent])]);
  return packet(
    3,
    Buffer.concat([Buffer.from([6, 3 + s2k.length + 12, 9, 3, s2k.length]), s2k, Buffer.alloc(12 + 32 + 16)]),
  );
}

function compressed(inner: Buffer): Buffer {
  return packet(8, Buffer.concat([Buffer.from([1]), deflateRawSync(inner)]));
}

/** A part of bytes that no text gives. */
function bytesInsteadOf(bytes: Buffer): ForgedEntry[] {
  const said = manifest({ base: ['x'] });
  const [part] = said.parts as [Manifest['parts'][0]];
  part.bytes = bytes.length;
  part.sha256 = createHash('sha256').update(bytes).digest('hex');
  return [
    { name: 'manifest.json', content: JSON.stringify(said) },
    { name: 'parts/base.ndjson', content: bytes },
  ];
}
