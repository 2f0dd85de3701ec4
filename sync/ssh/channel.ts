/** A `Channel` over the subsystem stream of an SSH connection. Client and server use the same. */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { asLockstepError, LockstepError } from '../../schema/error.ts';
import type { Channel } from '../channel.ts';
import { encodeFrame, FrameDecoder, MAX_FRAME_BYTES } from './frame.ts';
import { NoiseMeter } from './noise-meter.ts';
import { type Client, type Connection, isRekeying } from './ssh2.ts';

export interface ChannelLimits {
  /** Largest payload, both ways (bytes). */
  frameBytes: number;
  /** Frames that may wait to be sent, beside the one under way; and input that may wait to be read (bytes). */
  unreadBytes: number;
  /**
   * Output in the socket past which the peer is not reading (bytes). Frames stay below 512 KiB; replies to a flood of
   * requests do not, and many small ones cost far more memory than their bytes.
   */
  socketBytes: number;
  /**
   * Input in a minute that is no frame, beside as much as came in frames (bytes): keepalives, window adjustments, new
   * keys. Thousands of pings fit; a flood of them costs an answer each.
   */
  noiseBytes: number;
}

export const CHANNEL_LIMITS: ChannelLimits = {
  frameBytes: MAX_FRAME_BYTES,
  unreadBytes: 4 * 1024 * 1024,
  socketBytes: 1024 * 1024,
  noiseBytes: 1024 * 1024,
};

/** A long frame is handed over in slices, so that what lies in the socket stays small whatever window the peer grants. */
export const SLICE_BYTES = 256 * 1024;
/** Output in the socket below which there is room for more (bytes); above it the socket tells when it is empty. */
export const ROOM_BYTES = 256 * 1024;
/** How long a closed connection may take to hand over its last bytes (ms). */
const LINGER_MS = 1_000;

interface Outgoing {
  frame: Buffer;
  sent: number;
  resolve: () => void;
  reject: (error: LockstepError) => void;
}

export interface Wire {
  stream: Duplex;
  connection: Client | Connection;
  socket: Socket;
  remote: { address: string; port: number };
  /** The other side broke the rules of the channel, which ends it. */
  onAbuse?(reason: string, detail?: string): void;
}

export class SshChannel implements Channel {
  readonly remote: { readonly address: string; readonly port: number };
  readonly #wire: Wire;
  readonly #limits: ChannelLimits;
  readonly #decoder: FrameDecoder;
  readonly #queue: Outgoing[] = [];
  #queuedBytes = 0;
  #held: Buffer[] = [];
  #frameListener: ((payload: Buffer) => void) | undefined;
  readonly #closeListeners: ((reason: string) => void)[] = [];
  #closed: string | undefined;
  #receivedBytes = 0;
  readonly #noise = new NoiseMeter();

  constructor(wire: Wire, limits: ChannelLimits = CHANNEL_LIMITS) {
    this.#wire = wire;
    this.#limits = limits;
    this.#decoder = new FrameDecoder(limits.frameBytes);
    this.remote = wire.remote;
    this.#watch();
  }

  send(payload: Buffer): Promise<void> {
    const sent = new Promise<void>((resolve, reject) => {
      if (this.#closed !== undefined) throw gone(this.#closed);
      const frame = encodeFrame(payload, this.#limits.frameBytes);
      this.#queue.push({ frame, sent: 0, resolve, reject });
      this.#queuedBytes += frame.length;
      this.#pump();
      if (this.#waitingBytes() > this.#limits.unreadBytes) this.#cutOff('the other side does not read');
    });
    // A caller that does not wait learns of the end through onClose; an unhandled rejection would end the process.
    sent.catch(() => {});
    return sent;
  }

  onFrame(listener: (payload: Buffer) => void): void {
    this.#frameListener = listener;
    const held = this.#held;
    this.#held = [];
    for (const payload of held) listener(payload);
    if (this.#closed === undefined) this.#wire.stream.resume();
  }

  onClose(listener: (reason: string) => void): void {
    if (this.#closed === undefined) this.#closeListeners.push(listener);
    else listener(this.#closed);
  }

  close(reason = 'closed by this side'): void {
    if (this.#closed !== undefined) return;
    this.#finish(reason);
    hangUp(this.#wire.connection, this.#wire.socket);
  }

  #watch(): void {
    const { stream, socket, connection } = this.#wire;
    stream.on('data', (chunk: Buffer) => this.#receive(chunk));
    stream.on('error', error => this.#abort(error.message));
    // ssh2's stream ends when the peer stops sending; a Lockstep channel is not of use half open.
    stream.on('end', () => this.#lost('the other side closed the channel'));
    stream.on('close', () => this.#lost('the other side closed the channel'));
    socket.on('close', failed => this.#lost(failed ? LOST : 'the other side closed the connection'));
    socket.on('drain', () => this.#pump());
    socket.on('data', () => this.#guard());
    connection.on('error', (error: Error) => this.#abort(faultOf(error)));
    connection.on('handshake', () => this.#pump());
  }

  /** Runs with every piece of input, because all that a peer can make grow, it makes grow by sending. */
  #guard(): void {
    if (this.#closed !== undefined) return;
    const { stream, socket } = this.#wire;
    if (socket.writableLength > this.#limits.socketBytes) this.#cutOff('the other side does not read');
    // ssh2 takes more than the window it granted (mscdex/ssh2 issue 1505).
    else if (stream.readableLength > this.#limits.unreadBytes)
      this.#cutOff('the other side ignores its window');
    else if (this.#noiseBytes() > this.#limits.noiseBytes)
      this.#cutOff('the other side sends too much that is no frame');
    // ssh2 ends the socket by itself at a goodbye.
    else if (socket.writableEnded) this.#lost('the other side closed the connection');
  }

  #noiseBytes(): number {
    const { stream, socket } = this.#wire;
    return this.#noise.measure(socket.bytesRead, this.#receivedBytes + stream.readableLength);
  }

  #receive(chunk: Buffer): void {
    this.#receivedBytes += chunk.length;
    if (this.#closed !== undefined) return;
    this.#decode(chunk);
    if (this.#frameListener === undefined) this.#wire.stream.pause();
  }

  #decode(chunk: Buffer): void {
    try {
      for (const payload of this.#decoder.push(chunk)) this.#deliver(payload);
    } catch (error) {
      const { message } = asLockstepError(error);
      this.#wire.onAbuse?.('what was sent is no frame', message);
      this.#abort(message);
    }
  }

  #cutOff(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#wire.onAbuse?.(reason);
    this.#abort(reason);
  }

  #deliver(payload: Buffer): void {
    if (this.#frameListener) this.#frameListener(payload);
    else this.#held.push(payload);
  }

  #waitingBytes(): number {
    return this.#queuedBytes - (this.#queue[0]?.frame.length ?? 0);
  }

  /** Hands over as much as there is room for. Every event that makes room calls it again. */
  #pump(): void {
    while (this.#closed === undefined && this.#hasRoom()) {
      const head = this.#queue[0];
      if (head === undefined) return;
      if (head.sent === head.frame.length) this.#finishHead(head);
      else this.#write(head);
    }
  }

  /** Room is: keys settled, the peer's window not used up (else the stream keeps the rest), and a socket that flows. */
  #hasRoom(): boolean {
    const { stream, socket, connection } = this.#wire;
    return stream.writableLength === 0 && socket.writableLength < ROOM_BYTES && !isRekeying(connection);
  }

  #write(head: Outgoing): void {
    const slice = head.frame.subarray(head.sent, head.sent + SLICE_BYTES);
    head.sent += slice.length;
    try {
      this.#wire.stream.write(slice, () => this.#pump());
    } catch (error) {
      this.#abort((error as Error).message);
    }
  }

  #finishHead(head: Outgoing): void {
    this.#queue.shift();
    this.#queuedBytes -= head.frame.length;
    head.resolve();
  }

  /** The other side is gone. What it said before is still delivered. */
  #lost(reason: string): void {
    if (this.#closed !== undefined) return;
    // read() also emits `data`, and that is what takes it in.
    while (this.#wire.stream.read() !== null);
    this.close(reason);
  }

  /** Ends it without waiting for anything: the other side is not to be trusted with more time. */
  #abort(reason: string): void {
    if (this.#closed !== undefined) return;
    this.#finish(reason);
    this.#wire.socket.destroy();
  }

  #finish(reason: string): void {
    this.#closed = reason;
    for (const { reject } of this.#queue.splice(0)) reject(gone(reason));
    this.#queuedBytes = 0;
    for (const listener of this.#closeListeners.splice(0)) listener(reason);
  }
}

/** Says goodbye and closes; destroys the socket when the other side does not take its leave in time. */
export function hangUp(connection: { end(): unknown }, socket: Socket): void {
  try {
    connection.end();
  } catch {
    socket.destroy();
  }
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

const LOST = 'the connection was lost';

/** ssh2's word for where an error arose is `level`. */
function faultOf(error: Error & { level?: string }): string {
  if (error.level === 'client-timeout') return 'the other side does not answer any more';
  if (error.level === 'socket' || error.level === 'client-socket') return LOST;
  return `the SSH connection failed: ${error.message}`;
}

function gone(reason: string): LockstepError {
  return new LockstepError('partner-unreachable', `The connection to the partner is closed: ${reason}.`, {
    facts: { reason },
  });
}
