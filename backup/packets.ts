import { damagedBundle, notABundle } from './refusals.ts';

/**
 * The outer form of a bundle, read by hand before a library sees a byte: one packet that says how the passphrase makes
 * the key, one packet of encrypted data, and nothing else. Pure: bytes in, facts out.
 */

/** `classic`: GnuPG 2.2 can open it. `rfc9580`: Argon2id and AES-256-GCM. */
const PROFILES = ['classic', 'rfc9580'] as const;
export type Profile = (typeof PROFILES)[number];

/** So many bytes from the beginning of a file tell everything that comes before the encrypted data. */
export const HEAD_BYTES = 1024;

/** What the first packet of the profile `classic` says, in the numbers of OpenPGP. */
export interface PassphrasePacket {
  cipher: number;
  hash: number;
  salt: Buffer;
  /** One byte that stands for how many are hashed. */
  count: number;
  /** Empty: what the passphrase gives is the session key itself. */
  sealedKey: Buffer;
}

export interface Head {
  profile: Profile;
  /** The whole first packet, with its header. */
  keyPacket: Buffer;
  /** The same, without its header. */
  keyBody: Buffer;
  /** Where the header of the second packet begins. */
  dataStart: number;
  /** The first encrypted bytes of the second packet, at least 18. */
  dataHead: Buffer;
}

const SESSION_KEY = 3;
const PROTECTED_DATA = 18;
const AES = new Set([7, 8, 9]);
const AES_256 = 9;
/** SHA-1, SHA-256, SHA-384, SHA-512, SHA-224. */
const HASHES = new Set([2, 8, 9, 10, 11]);
const ITERATED_SALTED = 3;
const ARGON2 = 4;
const GCM = 3;
/** 64 MiB (2^16 KiB), 4 passes, 4 lanes. */
const ARGON2_MOST = { passes: 4, lanes: 4, exponent: 16 };
/** Chunks of 4 MiB. */
const MAX_CHUNK_EXPONENT = 16;
const SMALLEST_DATA = 1 + 18 + 22;
const FEWEST_PARTIAL = 512;

/** Throws `not-a-bundle`, `damaged-bundle`. `bytes`: the first HEAD_BYTES of the file, or all of a shorter one. */
export function readHead(bytes: Buffer): Head {
  if (bytes.length === 0) throw notABundle('it is empty');
  if (bytes.toString('latin1', 0, 15) === '-----BEGIN PGP ')
    throw notABundle('it is OpenPGP in ASCII armour', 'Take the armour off: gpg --dearmor FILE');
  const first = packetHeader(bytes, 0);
  if (first?.tag !== SESSION_KEY || first.partial)
    throw notABundle('it does not begin as an OpenPGP message under a passphrase');
  const dataStart = first.start + first.length;
  const body = bytes.subarray(first.start, dataStart);
  if (body.length < first.length) throw damagedBundle('it ends within its first packet');
  const profile = profileOf(body);
  const second = packetHeader(bytes, dataStart);
  if (second === undefined) throw damagedBundle('it ends before its encrypted data');
  if (second.tag !== PROTECTED_DATA) throw notABundle(unexpected(second.tag));
  if (second.length < SMALLEST_DATA) throw damagedBundle('it holds no encrypted data');
  const data = bytes.subarray(second.start, Math.min(bytes.length, second.start + second.length));
  if (data.length < SMALLEST_DATA) throw damagedBundle('it ends within its encrypted data');
  assertData(data, profile);
  return {
    profile,
    keyPacket: bytes.subarray(0, dataStart),
    keyBody: body,
    dataStart,
    dataHead: data.subarray(1),
  };
}

/** Of a head whose profile is `classic`. */
export function passphrasePacket({ keyBody }: Head): PassphrasePacket {
  const [, cipher = 0, , hash = 0] = keyBody;
  return {
    cipher,
    hash,
    salt: keyBody.subarray(4, 12),
    count: keyBody[12] ?? 0,
    sealedKey: keyBody.subarray(13),
  };
}

function unexpected(tag: number): string {
  if (tag === SESSION_KEY) return 'it has more than one passphrase';
  if (tag === 9) return 'its encrypted data is not protected against changes';
  return `OpenPGP packet ${tag} stands where the encrypted data should be`;
}

function profileOf(body: Buffer): Profile {
  const version = body[0];
  if (version === 4) {
    const [, cipher = 0, s2k, hash = 0] = body;
    if (!AES.has(cipher)) throw notABundle(`cipher ${cipher} is not AES`);
    if (s2k !== ITERATED_SALTED) throw notABundle('the passphrase is not salted and iterated');
    if (!HASHES.has(hash)) throw notABundle(`hash ${hash} is not known`);
    // Salt, count, and a session key of at most 32 bytes with its algorithm.
    if (body.length < 13 || body.length > 13 + 33) throw damagedBundle('its first packet has a wrong length');
    return 'classic';
  }
  if (version !== 6) throw notABundle(`version ${version} of a passphrase packet is not known`);
  const [, , cipher, aead, , s2k] = body;
  if (cipher !== AES_256 || aead !== GCM) throw notABundle('it is not AES-256 in mode GCM');
  if (s2k !== ARGON2) throw notABundle('the passphrase does not go through Argon2');
  const [passes = 0, lanes = 0, exponent = 0] = body.subarray(22, 25);
  const { passes: t, lanes: p, exponent: m } = ARGON2_MOST;
  if (passes < 1 || lanes < 1 || passes > t || lanes > p || exponent > m)
    throw notABundle(`Argon2 would take ${passes} passes, ${lanes} lanes and 2^${exponent} KiB`);
  if (body.length > 25 + 12 + 32 + 16) throw damagedBundle('its first packet has a wrong length');
  return 'rfc9580';
}

function assertData(data: Buffer, profile: Profile): void {
  const [version, cipher, aead, chunk = 255] = data;
  if (version !== (profile === 'classic' ? 1 : 2))
    throw notABundle(`version ${version} of encrypted data does not go with its passphrase packet`);
  if (version === 2 && (cipher !== AES_256 || aead !== GCM || chunk > MAX_CHUNK_EXPONENT))
    throw notABundle('its encrypted data is not AES-256 in mode GCM, in chunks of 4 MiB at most');
}

interface PacketHeader {
  tag: number;
  /** Where the body begins. */
  start: number;
  /** Of the body, or of its first piece. */
  length: number;
  partial: boolean;
}

/** undefined: the bytes end before the header does. */
function packetHeader(bytes: Buffer, at: number): PacketHeader | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  if ((first & 0x80) === 0) throw notABundle('it is not OpenPGP');
  if ((first & 0x40) !== 0) {
    const length = bodyLength(bytes, at + 1);
    return length && { tag: first & 0x3f, start: at + 1 + length.taken, ...length };
  }
  const taken = 1 << (first & 3);
  if (taken === 8) throw notABundle('a packet does not say how long it is');
  if (bytes.length < at + 1 + taken) return undefined;
  return {
    tag: (first >> 2) & 0xf,
    start: at + 1 + taken,
    length: bytes.readUIntBE(at + 1, taken),
    partial: false,
  };
}

interface BodyLength {
  length: number;
  partial: boolean;
  /** Bytes of the length itself. */
  taken: number;
}

function bodyLength(bytes: Buffer, at: number): BodyLength | undefined {
  const first = bytes[at];
  if (first === undefined) return undefined;
  if (first < 192) return { length: first, partial: false, taken: 1 };
  if (first >= 224 && first < 255) return { length: 1 << (first & 31), partial: true, taken: 1 };
  if (first === 255)
    return bytes.length < at + 5
      ? undefined
      : { length: bytes.readUInt32BE(at + 1), partial: false, taken: 5 };
  const second = bytes[at + 1];
  return second === undefined
    ? undefined
    : { length: ((first - 192) << 8) + second + 192, partial: false, taken: 2 };
}

/** Follows the lengths of the second packet through the file: it must end where the file ends. */
export class PacketWalk {
  /** Of the piece that is being passed. */
  private left = 0;
  private last = false;
  private pieces = 0;
  /** Bytes of a length that are not all there yet. */
  private header: Buffer = Buffer.alloc(0);

  /** `chunk`: the next bytes after the header byte of the packet. Throws `damaged-bundle`. */
  pass(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.left > 0) {
        const passed = Math.min(this.left, chunk.length - at);
        this.left -= passed;
        at += passed;
        continue;
      }
      if (this.last) throw damagedBundle('something follows its encrypted data');
      this.header = Buffer.concat([this.header, chunk.subarray(at, at + 1)]);
      at++;
      this.begin();
    }
  }

  /** The file ends here. */
  end(): void {
    if (!this.last || this.left > 0) throw damagedBundle('it was cut short');
  }

  private begin(): void {
    const next = bodyLength(this.header, 0);
    if (next === undefined) return;
    if (next.partial && this.pieces === 0 && next.length < FEWEST_PARTIAL)
      throw damagedBundle('its first piece is too small');
    this.header = Buffer.alloc(0);
    this.pieces++;
    this.left = next.length;
    this.last = !next.partial;
  }
}
