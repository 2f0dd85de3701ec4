import { createCipheriv, createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { Manifest } from '../../backup/bundle.ts';
import type { Part } from '../../schema/kind.ts';
import { Random } from '../random.ts';
import { SEED } from '../seed.ts';

/** Bundles made byte by byte from backup/FORMAT.md, with nothing of backup/ in them, so that any part can be wrong. */

export const PASSPHRASE = 'correct horse battery staple';

// OpenPGP

const random = new Random(SEED);

export function anyBytes(length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random.between(0, 255)));
}

/** A packet with one length of five bytes. */
export function packet(tag: number, body: Buffer): Buffer {
  const header = Buffer.alloc(6);
  header[0] = 0xc0 | tag;
  header[1] = 255;
  header.writeUInt32BE(body.length, 2);
  return Buffer.concat([header, body]);
}

/** As few rounds as can be said: what is tested is not the price of a key. */
const COUNT_BYTE = 0;
const COUNT = 1024;

function keyOf(passphrase: string, salt: Buffer): Buffer {
  const once = Buffer.concat([salt, Buffer.from(passphrase)]);
  const all = Buffer.concat(Array(Math.ceil(COUNT / once.length)).fill(once)).subarray(
    0,
    Math.max(COUNT, once.length),
  );
  return createHash('sha256').update(all).digest();
}

export interface Sealing {
  passphrase?: string;
  /** Leave the modification detection code out, or give a wrong one. */
  mdc?: 'none' | 'wrong';
}

/** The two packets of a message: how the key is made, and the encrypted packets. */
export function sealedPackets(
  inner: Buffer,
  { passphrase = PASSPHRASE, mdc }: Sealing = {},
): [Buffer, Buffer] {
  const salt = anyBytes(8);
  const prefix = anyBytes(16);
  const marked = Buffer.concat([prefix, prefix.subarray(14), inner, Buffer.from([0xd3, 0x14])]);
  const hash = createHash('sha1').update(marked).digest();
  if (mdc === 'wrong') hash[0] = (hash[0] as number) ^ 1;
  const plain = mdc === 'none' ? marked.subarray(0, -2) : Buffer.concat([marked, hash]);
  const cipher = createCipheriv('aes-256-cfb', keyOf(passphrase, salt), Buffer.alloc(16));
  const encrypted = Buffer.concat([Buffer.from([1]), cipher.update(plain), cipher.final()]);
  const howToKey = packet(3, Buffer.concat([Buffer.from([4, 9, 3, 8]), salt, Buffer.from([COUNT_BYTE])]));
  return [howToKey, packet(18, encrypted)];
}

export function literal(content: Buffer): Buffer {
  return packet(11, Buffer.concat([Buffer.from('b\0\0\0\0\0'), content]));
}

export function sealed(content: Buffer, how?: Sealing): Buffer {
  return Buffer.concat(sealedPackets(literal(content), how));
}

// tar

export interface ForgedEntry {
  name: string;
  content?: Buffer | string;
  /** What the header says, where that is not true. */
  size?: number | string;
  type?: string;
  mode?: number;
  link?: string;
  magic?: string;
  /** Bytes written over the header at an offset, before the checksum is made. */
  over?: [number, Buffer];
}

export function entry({
  name,
  content = '',
  size,
  type = '0',
  mode = 0o600,
  link = '',
  magic = 'ustar\u000000',
  over,
}: ForgedEntry): Buffer {
  const bytes = Buffer.from(content);
  const header = Buffer.alloc(512);
  header.write(name, 0, 100, 'latin1');
  header.write(`${mode.toString(8).padStart(7, '0')}\0`, 100);
  header.write('0000000\x000000000\0', 108);
  header.write(
    typeof size === 'string' ? size : `${(size ?? bytes.length).toString(8).padStart(11, '0')}\0`,
    124,
  );
  header.write('00000000000\0', 136);
  header.write(type, 156);
  header.write(link, 157);
  header.write(magic, 257, 'latin1');
  if (over !== undefined) over[1].copy(header, over[0]);
  header.write('        ', 148);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}

export const END = Buffer.alloc(1024);

export function tar(entries: ForgedEntry[]): Buffer {
  return Buffer.concat([...entries.map(entry), END]);
}

// The content

export const VS = 'virtualServices/tcp:10.0.0.1:443';
export const LINES: Record<string, string[]> = {
  base: ['{"path":"host","value":{"hostname":"ha1"}}'],
  vs: [
    `{"path":"${VS}","value":{"enable":true}}`,
    `{"path":"${VS}/realServers/10.0.1.7:8080","value":{"weight":1000}}`,
  ],
};

export function ndjson(lines: string[]): Buffer {
  return Buffer.from(lines.map(line => `${line}\n`).join(''));
}

export function manifest(parts: Record<string, string[]> = LINES, more: Partial<Manifest> = {}): Manifest {
  return {
    format: 1,
    kind: 'configuration',
    createdAt: '2026-11-22T04:30:00.000Z',
    unit: { id: 'u', name: 'ha1', mode: 'first', model: 'generic', release: '0.1.0' },
    schemaDigest: '',
    kinds: {},
    revision: 7,
    epoch: 2,
    digest: 'd',
    parts: Object.entries(parts).map(([part, lines]) => ({
      part: part as Part,
      file: `parts/${part}.ndjson`,
      records: lines.length,
      bytes: ndjson(lines).length,
      sha256: createHash('sha256').update(ndjson(lines)).digest('hex'),
    })),
    withKeys: false,
    ...more,
  };
}

export function entriesOf(
  parts: Record<string, string[]> = LINES,
  said: unknown = manifest(parts),
): ForgedEntry[] {
  return [
    { name: 'manifest.json', content: JSON.stringify(said) },
    ...Object.entries(parts).map(([part, lines]) => ({
      name: `parts/${part}.ndjson`,
      content: ndjson(lines),
    })),
  ];
}

/** A whole bundle; with nothing given, a good one. */
export function bundle(archive: Buffer = tar(entriesOf()), how?: Sealing): Buffer {
  return sealed(gzipSync(archive), how);
}
