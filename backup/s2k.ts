import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import type { PassphrasePacket } from './packets.ts';

/**
 * How a passphrase opens a bundle of the profile `classic` (RFC 9580, 3.7.1.3 and 5.3.1). The library does the same in one
 * go, with 65 MB at once, and nobody else gets a turn meanwhile.
 */

const HASHES: Record<number, string> = { 2: 'sha1', 8: 'sha256', 9: 'sha384', 10: 'sha512', 11: 'sha224' };
const KEY_BYTES: Record<number, number> = { 7: 16, 8: 24, 9: 32 };
const AES_256 = 9;
const SHA_256 = 8;
const ITERATED_SALTED = 3;
/** 65,011,712 bytes, the most that can be said. */
const COUNT = 255;
const BLOCK_BYTES = 64 * 1024;
/** Hashed in a row: about two milliseconds. */
const TURN_BYTES = 1024 * 1024;

interface ClassicKey {
  /** Of OpenPGP. */
  algorithm: number;
  data: Buffer;
}

/** The session key that the packet holds; with a wrong passphrase something that is none. */
export async function openSessionKey(packet: PassphrasePacket, passphrase: string): Promise<ClassicKey> {
  const key = await stretch(passphrase, packet, KEY_BYTES[packet.cipher] ?? 0);
  if (packet.sealedKey.length === 0) return { algorithm: packet.cipher, data: key };
  const opened = cfb(createDecipheriv, key, packet.sealedKey);
  return { algorithm: opened[0] ?? 0, data: opened.subarray(1) };
}

/** The packet that holds `sessionKey` (AES-256) under `passphrase`, with its header. */
export async function sealSessionKey(sessionKey: Buffer, passphrase: string): Promise<Buffer> {
  const salt = randomBytes(8);
  const key = await stretch(passphrase, { hash: SHA_256, salt, count: COUNT }, 32);
  const sealedKey = cfb(createCipheriv, key, Buffer.concat([Buffer.from([AES_256]), sessionKey]));
  const body = Buffer.concat([
    Buffer.from([4, AES_256, ITERATED_SALTED, SHA_256]),
    salt,
    Buffer.from([COUNT]),
    sealedKey,
  ]);
  return Buffer.concat([Buffer.from([0xc0 | 3, body.length]), body]);
}

/** `count` bytes of salt and passphrase, over and over, hashed; each further hash begins with one more zero. */
async function stretch(
  passphrase: string,
  { hash, salt, count }: Pick<PassphrasePacket, 'hash' | 'salt' | 'count'>,
  length: number,
): Promise<Buffer> {
  const once = Buffer.concat([salt, Buffer.from(passphrase)]);
  const block = Buffer.alloc(Math.ceil(BLOCK_BYTES / once.length) * once.length, once);
  const bytes = Math.max((16 + (count & 15)) * 2 ** ((count >> 4) + 6), once.length);
  const made: Buffer[] = [];
  for (let size = 0; size < length; size += made.at(-1)?.length ?? 0) {
    const digest = createHash(HASHES[hash] ?? '').update(Buffer.alloc(made.length));
    for (let left = bytes, row = 0; left > 0; left -= block.length, row += block.length) {
      digest.update(block.subarray(0, left));
      if (row < TURN_BYTES) continue;
      row = 0;
      await turn();
    }
    made.push(digest.digest());
  }
  return Buffer.concat(made).subarray(0, length);
}

function cfb(make: typeof createCipheriv | typeof createDecipheriv, key: Buffer, bytes: Buffer): Buffer {
  const aes = make(`aes-${key.length * 8}-cfb`, key, Buffer.alloc(16));
  return Buffer.concat([aes.update(bytes), aes.final()]);
}
