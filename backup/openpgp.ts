import { createDecipheriv } from 'node:crypto';
import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import type { PartialConfig, SessionKey } from 'openpgp';
import { LockstepError } from '../schema/error.ts';
import { type Head, PacketWalk, type Profile } from './packets.ts';
import { damagedBundle, notABundle, wrongPassphrase } from './refusals.ts';

export type { SessionKey };

type Library = typeof import('openpgp');

/** Loaded with the first bundle: it takes longer than a tenth of the start of a unit. */
const load = (): Promise<Library> => import('openpgp');

function writing({ enums }: Library, profile: Profile): PartialConfig {
  const common = { preferredCompressionAlgorithm: enums.compression.uncompressed };
  return profile === 'classic'
    ? { ...common, aeadProtect: false, s2kType: enums.s2k.iterated, s2kIterationCountByte: 255 }
    : {
        ...common,
        aeadProtect: true,
        preferredAEADAlgorithm: enums.aead.gcm,
        s2kType: enums.s2k.argon2,
      };
}

/**
 * A message may be larger than memory, so it is decrypted while it is read, and the verdict comes at its end: whoever
 * reads it acts on nothing before. No compression is undone: one byte of it is too many.
 */
const READING: PartialConfig = { allowUnauthenticatedStream: true, maxDecompressedMessageSize: 1 };

/** Encrypt what `plain` gives, piece by piece. Destroying the result ends `plain`. */
export async function seal(
  plain: AsyncIterable<Uint8Array>,
  passphrase: string,
  profile: Profile,
): Promise<Readable> {
  const library = await load();
  const sealed = await library.encrypt({
    message: await library.createMessage({ binary: webStream(plain) }),
    passwords: [passphrase],
    format: 'binary',
    config: writing(library, profile),
  });
  return Readable.fromWeb(sealed as unknown as ReadableStream<Uint8Array>);
}

/** The key that `passphrase` gives. Throws `wrong-passphrase`. */
export async function unlock(head: Head, passphrase: string): Promise<SessionKey> {
  const { decryptSessionKeys, readMessage } = await load();
  const message = await readMessage({ binaryMessage: head.keyPacket });
  let key: SessionKey | undefined;
  try {
    const keys = await decryptSessionKeys({ message, passwords: [passphrase] });
    key = keys[0] as SessionKey | undefined;
  } catch {
    throw wrongPassphrase();
  }
  if (key === undefined || (head.profile === 'classic' && !opens(key, head.dataHead)))
    throw wrongPassphrase();
  return key;
}

/** The last two of 16 random bytes are there twice: with a wrong key they differ, but for one in 65,536. */
function opens({ algorithm, data }: SessionKey, dataHead: Buffer): boolean {
  const bits = data.length * 8;
  if (algorithm !== `aes${bits}`) return false;
  const decipher = createDecipheriv(`aes-${bits}-cfb`, data, Buffer.alloc(16));
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
  const said = error instanceof Error ? error.message : String(error);
  if (/decompressed message size/i.test(said))
    return notABundle(
      'it is compressed by OpenPGP, which a bundle never is',
      'Made by hand? Add --compress-algo none to gpg.',
    );
  return damagedBundle(
    profile === 'classic' && /modification|mdc/i.test(said)
      ? 'what it holds was changed after it was made'
      : 'its encrypted data cannot be read',
  );
}
