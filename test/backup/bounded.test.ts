import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { temporaryFolder } from '../e2e/daemon.ts';
import {
  bundle,
  END,
  entriesOf,
  entry,
  literal,
  manifest,
  PASSPHRASE,
  packet,
  sealed,
  sealedPackets,
  tar,
} from './forge.ts';

const MAX_MS = 5_000;
const MAX_MB = 150;
const CHILD = fileURLToPath(new URL('./bounded-child.ts', import.meta.url));

/** A gigabyte of one byte, packed to a megabyte, of which a small piece is made once. */
function bomb(header: Buffer, filling: string): Buffer {
  const piece = gzipSync(Buffer.alloc(16 * 1024 * 1024, filling));
  return Buffer.concat([gzipSync(header), ...Array<Buffer>(64).fill(piece)]);
}

function header(name: string, size: number): Buffer {
  return entry({ name, size });
}

/** 1,000 records of a megabyte each, in order and as the manifest says: only that they unpack to so much is odd. */
function goodLines(): Buffer {
  const lines = (at: number): Buffer =>
    Buffer.from(`{"path":"hosts/${1000 + at}","value":{"a":"${'x'.repeat(1024 * 1024)}"}}\n`);
  const said = manifest({ base: [] });
  const bytes = lines(0).length * 1000;
  Object.assign(said.parts[0] ?? {}, { bytes, records: 1000 });
  return Buffer.concat([
    gzipSync(entry({ name: 'manifest.json', content: JSON.stringify(said) })),
    gzipSync(header('parts/base.ndjson', bytes)),
    ...Array.from({ length: 200 }, (_, at) => gzipSync(lines(at))),
  ]);
}

function lineWith(value: string): string {
  return `{"path":"hosts/a","value":{"a":${value}}}`;
}

function nested(depth: number): string {
  return `${'['.repeat(depth)}${']'.repeat(depth)}`;
}

describe('a hostile bundle', () => {
  const { folder, remove } = temporaryFolder();
  after(remove);

  it('is refused within 5 s and 150 MB', () => {
    const [said, base] = entriesOf({ base: [] });
    const gigabyte = 1024 ** 3;
    const large = manifest({ base: [] });
    Object.assign(large.parts[0] ?? {}, { bytes: gigabyte, records: 1 });
    const begin = (size: number): Buffer =>
      Buffer.concat([
        entry({ name: 'manifest.json', content: JSON.stringify(large) }),
        header('parts/base.ndjson', size),
      ]);
    const [key, data] = sealedPackets(literal(gzipSync(tar(entriesOf()))));
    const argon = (passes: number, lanes: number, exponent: number): Buffer => {
      const s2k = Buffer.concat([Buffer.from([4]), Buffer.alloc(16), Buffer.from([passes, lanes, exponent])]);
      const body = [Buffer.from([6, 3 + s2k.length + 12, 9, 3, s2k.length]), s2k, Buffer.alloc(12 + 32 + 16)];
      return packet(3, Buffer.concat(body));
    };
    const v2 = packet(18, Buffer.concat([Buffer.from([2, 9, 3, 6]), Buffer.alloc(200)]));
    const files: Record<string, [Buffer, string]> = {
      'good, first, for comparison': [bundle(), 'taken'],
      'one long line': [sealed(bomb(begin(gigabyte), 'x')), 'damaged-bundle'],
      'a billion empty lines': [sealed(bomb(begin(gigabyte), '\n')), 'damaged-bundle'],
      'a gigabyte of good lines': [sealed(goodLines()), 'damaged-bundle'],
      'a large manifest': [sealed(bomb(header('manifest.json', gigabyte), 'x')), 'damaged-bundle'],
      'a large certificate': [
        sealed(
          bomb(
            Buffer.concat([
              entry(said as never),
              entry(base as never),
              header('certificates/a.pem', gigabyte),
            ]),
            'x',
          ),
        ),
        'damaged-bundle',
      ],
      'endless zeros after the archive': [sealed(bomb(tar(entriesOf()), '\0')), 'damaged-bundle'],
      '100,000 entries': [
        bundle(
          Buffer.concat([
            ...entriesOf().map(entry),
            ...Array.from({ length: 100_000 }, (_, i) => entry({ name: `certificates/${i}.pem` })),
            END,
          ]),
        ),
        'damaged-bundle',
      ],
      'deep nesting': [bundle(tar(entriesOf({ base: [lineWith(nested(50_000))] }))), 'damaged-bundle'],
      'deeper nesting': [bundle(tar(entriesOf({ base: [lineWith(nested(3e6))] }))), 'damaged-bundle'],
      'millions of lists': [
        bundle(tar(entriesOf({ base: [lineWith(`[${'[],'.repeat(2e6)}0]`)] }))),
        'damaged-bundle',
      ],
      '50 passphrases': [Buffer.concat([...Array<Buffer>(50).fill(key), data]), 'not-a-bundle'],
      '50 passphrases with Argon2': [
        Buffer.concat([...Array<Buffer>(50).fill(argon(4, 4, 16)), v2]),
        'not-a-bundle',
      ],
      'Argon2 with 2 TiB': [Buffer.concat([argon(1, 4, 31), v2]), 'not-a-bundle'],
      'Argon2 with 255 passes': [Buffer.concat([argon(255, 4, 16), v2]), 'not-a-bundle'],
      'Argon2 at the most that is accepted': [Buffer.concat([argon(4, 4, 16), v2]), 'wrong-passphrase'],
      'a packet of 4 GB': [
        Buffer.concat([key, Buffer.from([0xd2, 255, 255, 255, 255, 255]), data.subarray(6)]),
        'damaged-bundle',
      ],
    };
    const names = Object.keys(files).map((name, index) => {
      const file = path.join(folder, `${index}`);
      writeFileSync(file, (files[name] as [Buffer, string])[0]);
      return file;
    });
    const out = execFileSync(process.execPath, ['--import', 'tsx', CHILD, PASSPHRASE, ...names], {
      timeout: 60_000,
    });
    const lines = out.toString().trim().split('\n');
    assert.equal(lines.length, names.length);
    for (const [index, name] of Object.keys(files).entries()) {
      const { code, ms, mb } = JSON.parse(lines[index] as string) as { code: string; ms: number; mb: number };
      if (process.env.SHOW_BOUNDS) process.stdout.write(`      ${name}: ${code}, ${ms} ms, ${mb} MB\n`);
      assert.equal(code, files[name]?.[1], name);
      assert.ok(ms < MAX_MS, `${name}: ${ms} ms`);
      assert.ok(mb < MAX_MB, `${name}: ${mb} MB over idle`);
    }
  }).timeout(60_000);
});
