import { createDecipheriv, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import type { PartialConfig, SessionKey } from 'openpgp';
import { LockstepError } from '../schema/error.ts';
import { type Head, PacketWalk, type Profile, passphrasePacket } from './packets.ts';
import { damagedBundle, notABundle, wrongPassphrase } from './refusals.ts';
import { openSessionKey, sealSessionKey } from './s2k.ts';

export type { SessionKey };

type Library = typeof import('openpgp');

/** Loaded with the first bundle: it takes longer than a tenth of the start of a unit. */
const load = (): Promise<Library> => import('openpgp');

function writing({ enums }: Library, profile: Profile): PartialConfig {
  const common = { preferredCompressionAlgorithm: enums.compression.uncompressed };
  return profile === 'classic'
    ? { ...common, aeadProtect: false }
    : { ...common, aeadProtect: true, preferredAEADAlgorithm: enums.aead.gcm, s2kType: enums.s2k.argon2 };
}

/**
 * A packet that must not stand inside, as a class of ours that lets go of its content: the library would wait for ever
 * for somebody to read one that it refuses itself.
 */
function refused(tag: number, refusal: () => LockstepError): { new (): object; tag: number } {
  return class {
    static readonly tag = tag;

    read(content: Uint8Array | ReadableStream<Uint8Array>): void {
      if (!(content instanceof Uint8Array)) content.cancel().catch(() => undefined);
      throw refusal();
    }
  };
}

const compressed = () =>
  notABundle(
    'it is compressed by OpenPGP, which a bundle never is',
    'Made by hand? Add --compress-algo none to gpg.',
  );
const encryptedAgain = () => damagedBundle('what it holds is encrypted once more');
const REFUSED = [refused(8, compressed), ...[9, 18, 20].map(tag => refused(tag, encryptedAgain))];

/**
 * A message may be larger than memory, so it is decrypted while it is read, and the verdict comes at its end: whoever
 * reads it acts on nothing before.
 */
const READING: PartialConfig = { allowUnauthenticatedStream: true, additionalAllowedPackets: REFUSED };

/** What the algorithms of OpenPGP that a bundle may have are called. */
const AES: Record<number, SessionKey['algorithm']> = { 7: 'aes128', 8: 'aes192', 9: 'aes256' };

/** Encrypt what `plain` gives, piece by piece. Destroying the result ends `plain`. */
export async function seal(
  plain: AsyncIterable<Uint8Array>,
  passphrase: string,
  profile: Profile,
): Promise<Readable> {
  const library = await load();
  const classic = profile === 'classic';
  const data = randomBytes(32);
  const message = await library.createMessage({ binary: webStream(plain) });
  const sealed = await library.encrypt({
    message,
    ...(classic ? { sessionKey: { data, algorithm: 'aes256' } } : { passwords: [passphrase] }),
    format: 'binary',
    config: writing(library, profile),
  });
  const bytes = Readable.fromWeb(sealed as unknown as ReadableStream<Uint8Array>);
  if (!classic) return bytes;
  const whole = Readable.from(behind(sealSessionKey(data, passphrase), bytes), { objectMode: false });
  return whole.once('close', () => bytes.destroy());
}

async function* behind(first: Promise<Buffer>, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  yield await first;
  yield* rest;
}

/** The key that `passphrase` gives. Throws `wrong-passphrase`. */
export async function unlock(head: Head, passphrase: string): Promise<SessionKey> {
  const key = await (head.profile === 'classic' ? unlockClassic : unlockModern)(head, passphrase);
  if (key === undefined) throw wrongPassphrase();
  return key;
}

async function unlockClassic(head: Head, passphrase: string): Promise<SessionKey | undefined> {
  const { algorithm, data } = await openSessionKey(passphrasePacket(head), passphrase);
  const name = AES[algorithm];
  const fits = name === `aes${data.length * 8}` && opens(data, head.dataHead);
  return fits ? { algorithm: name, data } : undefined;
}

async function unlockModern(head: Head, passphrase: string): Promise<SessionKey | undefined> {
  const { decryptSessionKeys, readMessage } = await load();
  const message = await readMessage({ binaryMessage: head.keyPacket });
  try {
    return (await decryptSessionKeys({ message, passwords: [passphrase] }))[0] as SessionKey | undefined;
  } catch {
    return undefined;
  }
}

/** The last two of 16 random bytes are there twice: with a wrong key they differ, but for one in 65,536. */
function opens(data: Buffer, dataHead: Buffer): boolean {
  const decipher = createDecipheriv(`aes-${data.length * 8}-cfb`, data, Buffer.alloc(16));
  const start = decipher.update(dataHead.subarray(0, 18));
  return start.subarray(14, 16).equals(start.subarray(16, 18));
}

/**
 * Decrypt a bundle; `cipher` gives the file from `head.dataStart` on. What comes out is good only once the end is
 * reached without `damaged-bundle` or `not-a-bundle`.
 */
export async function* unseal(
  cipher: AsyncIterable<Buffer>,
  head: Head,
  key: SessionKey,
): AsyncGenerator<Buffer> {
  const { decrypt, readMessage } = await load();
  try {
    const message = await readMessage({ binaryMessage: webStream(walked(cipher)) as never });
    const { data } = await decrypt({ message, sessionKeys: [key], format: 'binary', config: READING });
    for await (const chunk of data as unknown as ReadableStream<Uint8Array>)
      yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  } catch (error) {
    throw explained(error, head.profile);
  }
}

async function* walked(cipher: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const walk = new PacketWalk();
  let first = true;
  for await (const chunk of cipher) {
    walk.pass(first ? chunk.subarray(1) : chunk);
    first = false;
    yield chunk;
  }
  walk.end();
}

function webStream(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  return ReadableStream.from(chunks) as ReadableStream<Uint8Array>;
}

/** The library's words for what is wrong; everything that it cannot read is damage. */
function explained(error: unknown, profile: Profile): unknown {
  if (error instanceof LockstepError || (error as NodeJS.ErrnoException).code !== undefined) return error;
  if (!(error instanceof Error)) return damagedBundle('its encrypted data cannot be read');
  if (error.cause !== undefined) return explained(error.cause, profile);
  return damagedBundle(
    profile === 'classic' && /modification|mdc/i.test(error.message)
      ? 'what it holds was changed after it was made'
      : 'its encrypted data cannot be read',
  );
}
