const MINUTE_MS = 60_000;

/**
 * How much of what a peer sends belongs to no channel: keepalives, window adjustments, new keys. Thousands of pings fit;
 * a flood of them costs an answer each.
 */
export class NoiseMeter {
  /** When the minute began, and what had come by then. */
  #minute = { start: Number.NEGATIVE_INFINITY, readBytes: 0, receivedBytes: 0 };

  /**
   * Bytes of noise in this minute. `readBytes`: all that the socket gave; `receivedBytes`: what of it was payload of a channel, which
   * counts twice, for the packets around it.
   */
  measure(readBytes: number, receivedBytes: number): number {
    const now = performance.now();
    if (now - this.#minute.start > MINUTE_MS) this.#minute = { start: now, readBytes, receivedBytes };
    return readBytes - this.#minute.readBytes - 2 * (receivedBytes - this.#minute.receivedBytes);
  }
}
