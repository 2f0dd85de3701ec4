/** How much work files may ask for: they say themselves how long a key is derived from a passphrase, and may come from anybody. */
import { LockstepError } from '../schema/error.ts';

/** Of one derivation. Firefox, which asks for the most, wants 600,000. */
export const MAX_ROUNDS = 1_000_000;
/**
 * In rounds of PBKDF2, of all that is read together: about five seconds. What Firefox exported until 2022 needs most of it: 600,000
 * rounds each for the code, the key and the certificates, in the derivation of PKCS#12, which counts threefold and runs up to three times.
 */
const MAX_WORK = 12_000_000;

/** The work of one request, or of one drop. It ends with who asked for it. */
export class Work {
  private left = MAX_WORK;
  private readonly signal: AbortSignal | undefined;

  constructor(signal?: AbortSignal) {
    this.signal = signal;
  }

  /** Before any of it is done. Throws `too-large`. */
  assertRoom(work: number): void {
    if (work > this.left) throw tooMuch();
  }

  /** Throws `too-large`, and what the signal was aborted with. */
  claim(work: number): void {
    this.assertRoom(work);
    this.left -= work;
    this.goOn();
  }

  /** Throws what the signal was aborted with. */
  goOn(): void {
    this.signal?.throwIfAborted();
  }
}

export function tooMuch(): LockstepError {
  return new LockstepError(
    'too-large',
    'The files ask for more work to derive their keys than is done here.',
    {
      hint: `Encrypt the key again with ${MAX_ROUNDS} rounds or fewer, and give no more keys than the one that belongs to the certificate.`,
    },
  );
}
