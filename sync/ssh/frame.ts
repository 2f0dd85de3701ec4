/** Frames on a byte stream: a length of 4 bytes, big-endian, then that many bytes of payload. Pure. */
import { LockstepError } from '../../schema/error.ts';

/** The largest payload of any message (bytes). Larger things travel in chunks. */
export const MAX_FRAME_BYTES = 8 * 1024 * 1024;

const HEADER_BYTES = 4;

/** What a half-received payload is given at first (bytes); it doubles as the payload really arrives. */
const FIRST_ROOM_BYTES = 64 * 1024;
/** From the first part in so many on, a frame gets all its room. */
const WHOLE_FROM = 8;

/** One frame in one buffer, so that it leaves in one write. Throws `bad-message` (empty) and `too-large`. */
export function encodeFrame(payload: Buffer, maxBytes = MAX_FRAME_BYTES): Buffer {
  checkLength(payload.length, maxBytes);
  const frame = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  frame.writeUInt32BE(payload.length, 0);
  payload.copy(frame, HEADER_BYTES);
  return frame;
}

/**
 * Cuts a byte stream into payloads. Memory follows the bytes that arrived, not the length that a header claims until an eighth
 * of it is there, and the work is linear, however small the pieces.
 */
export class FrameDecoder {
  readonly #maxBytes: number;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerFilled = 0;
  /** Length of the payload under way (bytes); 0 while its header is not complete. */
  #length = 0;
  #body = Buffer.alloc(0);
  #bodyFilled = 0;
  #fault: LockstepError | undefined;

  constructor(maxBytes = MAX_FRAME_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /**
   * The payloads that `chunk` completes. They may share memory with `chunk`.
   * Throws `bad-message` for a length of 0 and `too-large` past the maximum, as soon as the header is there; the
   * stream has lost its meaning then, and every later call throws the same.
   */
  push(chunk: Buffer): Buffer[] {
    if (this.#fault) throw this.#fault;
    const payloads: Buffer[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#length === 0) at = this.#takeHeader(chunk, at);
      if (this.#length > 0) at = this.#takeBody(chunk, at, payloads);
    }
    return payloads;
  }

  #takeHeader(chunk: Buffer, at: number): number {
    const taken = chunk.copy(this.#header, this.#headerFilled, at);
    this.#headerFilled += taken;
    if (this.#headerFilled === HEADER_BYTES) this.#begin(this.#header.readUInt32BE(0));
    return at + taken;
  }

  #begin(length: number): void {
    try {
      checkLength(length, this.#maxBytes);
    } catch (error) {
      this.#fault = error as LockstepError;
      throw error;
    }
    this.#headerFilled = 0;
    this.#length = length;
  }

  #takeBody(chunk: Buffer, at: number, payloads: Buffer[]): number {
    const missing = this.#length - this.#bodyFilled;
    const end = Math.min(chunk.length, at + missing);
    if (this.#bodyFilled === 0 && end - at === missing) {
      payloads.push(chunk.subarray(at, end));
      this.#length = 0;
      return end;
    }
    this.#makeRoom(this.#bodyFilled + end - at);
    this.#bodyFilled += chunk.copy(this.#body, this.#bodyFilled, at, end);
    if (this.#bodyFilled === this.#length) payloads.push(this.#finishBody());
    return end;
  }

  /** Doubles, and takes the whole once an eighth is there: what doubling leaves behind is as much again as the frame. */
  #makeRoom(needed: number): void {
    if (this.#body.length >= needed) return;
    const size =
      needed * WHOLE_FROM >= this.#length
        ? this.#length
        : Math.min(this.#length, Math.max(FIRST_ROOM_BYTES, needed * 2));
    const larger = Buffer.allocUnsafe(size);
    this.#body.copy(larger, 0, 0, this.#bodyFilled);
    this.#body = larger;
  }

  #finishBody(): Buffer {
    const payload = this.#body;
    this.#body = Buffer.alloc(0);
    this.#bodyFilled = 0;
    this.#length = 0;
    return payload;
  }
}

function checkLength(length: number, maxBytes: number): void {
  if (length === 0) throw new LockstepError('bad-message', 'A frame is empty.');
  if (length > maxBytes) {
    throw new LockstepError(
      'too-large',
      `A frame of ${length} bytes is larger than the limit of ${maxBytes}.`,
      {
        facts: { length, maxBytes },
      },
    );
  }
}
