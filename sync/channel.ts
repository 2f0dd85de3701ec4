/**
 * What the sync protocol sees of a transport: whole frames, in order, between two ends that know who the other is.
 * SSH is one (ssh/channel.ts); a simulated network is another. Nothing here knows about either.
 */
export interface Channel {
  /**
   * Sends one frame. Frames arrive in the order of the calls, also when a caller does not wait; but a caller that goes
   * on and on without waiting loses the channel when the other side does not keep up.
   *
   * Resolves when the frame was handed to the transport and its buffer has room again, which is not a receipt.
   * Rejects with `partner-unreachable` when the channel is closed or closes meanwhile, and with `bad-message` or
   * `too-large` for a payload that no frame can hold. An ignored rejection does no harm.
   */
  send(payload: Buffer): Promise<void>;

  /**
   * Who receives the frames; at most one listener. Frames that arrived before are kept (the transport holds the
   * other side back meanwhile) and delivered at once. A listener that throws closes the channel.
   */
  onFrame(listener: (payload: Buffer) => void): void;

  /** Called exactly once, with one sentence; at once if the channel is closed already. */
  onClose(listener: (reason: string) => void): void;

  /**
   * Closes. Frames whose `send` resolved are still handed over, as far as the other side takes them within a second;
   * the others are rejected. Harmless when repeated.
   */
  close(reason?: string): void;

  /** The other end as the transport sees it. */
  readonly remote: { readonly address: string; readonly port: number };
}
