/** The channels of an operator: each is one raw stream of bytes, which the API is carried over. Client and server use the same. */
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { hangUp, ROOM_BYTES, SLICE_BYTES } from './channel.ts';
import { NoiseMeter } from './noise-meter.ts';
import { type Client, type Connection, isRekeying } from './ssh2.ts';

export interface ControlLimits {
  /** Input of one stream that may wait to be read (bytes). */
  unreadBytes: number;
  /** Output in the socket past which the peer is not reading (bytes). */
  socketBytes: number;
  /** Input in a minute that belongs to no stream (bytes); opening and closing one takes about 500. */
  controlNoiseBytes: number;
  /** How long a peer may leave output untaken (ms). */
  stallMs: number;
}

export const CONTROL_LIMITS: ControlLimits = {
  unreadBytes: 4 * 1024 * 1024,
  socketBytes: 1024 * 1024,
  controlNoiseBytes: 8 * 1024 * 1024,
  stallMs: 60_000,
};

export interface ControlWire {
  connection: Client | Connection;
  socket: Socket;
  /** The other side broke the rules, which ends the connection. */
  onAbuse?(reason: string): void;
}

/** One connection of an operator and the streams on it. */
export class ControlLine {
  readonly #wire: ControlWire;
  readonly #limits: ControlLimits;
  readonly #streams = new Set<ControlStream>();
  readonly #noise = new NoiseMeter();
  /** Of streams that are closed. */
  #receivedBytes = 0;
  #closed = false;

  constructor(wire: ControlWire, limits: ControlLimits = CONTROL_LIMITS) {
    this.#wire = wire;
    this.#limits = limits;
    const { socket, connection } = wire;
    socket.on('drain', () => this.#pump());
    socket.on('data', () => this.#guard());
    socket.once('close', () => this.#end());
    (connection as Client).on('handshake', () => this.#pump());
  }

  /** How many streams are open. */
  get streams(): number {
    return this.#streams.size;
  }

  /** Wraps the stream of a channel, so that whoever writes to it feels how fast the other side takes it. */
  open(channel: Duplex): ControlStream {
    const stream = new ControlStream(channel, this.#wire, this.#limits);
    this.#streams.add(stream);
    stream.once('close', () => {
      this.#streams.delete(stream);
      this.#receivedBytes += stream.bytesRead;
    });
    return stream;
  }

  close(): void {
    if (this.#closed) return;
    this.#end();
    hangUp(this.#wire.connection, this.#wire.socket);
  }

  #end(): void {
    this.#closed = true;
    for (const stream of this.#streams) stream.destroy();
  }

  #pump(): void {
    for (const stream of this.#streams) stream.pump();
  }

  /** Runs with every piece of input, because all that a peer can make grow, it makes grow by sending. */
  #guard(): void {
    if (this.#closed) return;
    const { socket } = this.#wire;
    const all = [...this.#streams];
    const received = all.reduce((sum, each) => sum + each.bytesRead + each.unreadBytes, this.#receivedBytes);
    if (socket.writableLength > this.#limits.socketBytes) this.#cutOff('the other side does not read');
    // ssh2 takes more than the window it granted (mscdex/ssh2 issue 1505).
    else if (all.some(({ unreadBytes }) => unreadBytes > this.#limits.unreadBytes))
      this.#cutOff('the other side ignores its window');
    else if (this.#noise.measure(socket.bytesRead, received) > this.#limits.controlNoiseBytes)
      this.#cutOff('the other side sends too much that belongs to no channel');
    else if (socket.writableEnded) this.#end();
  }

  #cutOff(reason: string): void {
    this.#wire.onAbuse?.(reason);
    this.#end();
    this.#wire.socket.destroy();
  }
}

interface Pending {
  bytes: Buffer;
  sent: number;
  done(error?: Error | null): void;
}

/** A stream of bytes over one channel, with as much of a socket as an HTTP server or client asks for. */
export class ControlStream extends Duplex {
  /** What was read of the channel so far. */
  bytesRead = 0;
  readonly #channel: Duplex;
  readonly #wire: ControlWire;
  readonly #stallMs: number;
  #pending: Pending | undefined;
  #stalled: NodeJS.Timeout | undefined;
  #idle: { timer: NodeJS.Timeout; ms: number } | undefined;

  constructor(channel: Duplex, wire: ControlWire, { stallMs }: Pick<ControlLimits, 'stallMs'>) {
    super();
    this.#channel = channel;
    this.#wire = wire;
    this.#stallMs = stallMs;
    channel.on('data', (chunk: Buffer) => {
      this.bytesRead += chunk.length;
      this.#stir();
      if (!this.push(chunk)) channel.pause();
    });
    channel.pause();
    channel.on('end', () => this.push(null));
    channel.on('error', error => this.destroy(error));
    channel.on('close', () => this.#lost());
  }

  /** What the channel holds that nobody has read yet (bytes). */
  get unreadBytes(): number {
    return this.#channel.readableLength;
  }

  /** Emits `timeout` after so long without a byte in either direction (ms); 0: never. As a socket does. */
  setTimeout(ms: number, listener?: () => void): this {
    clearTimeout(this.#idle?.timer);
    this.#idle = ms > 0 ? { ms, timer: setTimeout(() => this.emit('timeout'), ms) } : undefined;
    if (listener !== undefined) this.once('timeout', listener);
    return this;
  }

  /** Hands over as much as there is room for; called again by every event that makes room. */
  pump(): void {
    while (this.#pending !== undefined && !this.destroyed && this.#hasRoom()) {
      const pending = this.#pending;
      if (pending.sent === pending.bytes.length) {
        this.#pending = undefined;
        clearTimeout(this.#stalled);
        pending.done();
      } else {
        this.#handOver(pending);
      }
    }
  }

  override _read(): void {
    this.#channel.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: Pending['done']): void {
    this.#pending = { bytes, sent: 0, done };
    this.#await();
    this.pump();
  }

  override _final(done: () => void): void {
    this.#channel.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#stalled);
    clearTimeout(this.#idle?.timer);
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.done(error ?? new Error('the channel is closed'));
    if (!this.#wire.socket.destroyed) this.#channel.destroy();
    done(error);
  }

  /** Room is: keys settled, the peer's window not used up (else the channel keeps the rest), and a socket that flows. */
  #hasRoom(): boolean {
    const { socket, connection } = this.#wire;
    return (
      this.#channel.writableLength === 0 && socket.writableLength < ROOM_BYTES && !isRekeying(connection)
    );
  }

  #handOver(pending: Pending): void {
    const slice = pending.bytes.subarray(pending.sent, pending.sent + SLICE_BYTES);
    pending.sent += slice.length;
    this.#stir();
    this.#await();
    try {
      this.#channel.write(slice, () => this.pump());
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  /** Whoever asks and does not take the answer would keep it in memory for ever. */
  #await(): void {
    clearTimeout(this.#stalled);
    this.#stalled = setTimeout(() => {
      this.#wire.onAbuse?.('the other side does not take its answer');
      this.destroy();
    }, this.#stallMs);
  }

  #stir(): void {
    this.#idle?.timer.refresh();
  }

  /** What came before the channel closed is still read. */
  #lost(): void {
    this.push(null);
    if (this.readableEnded || this.#pending !== undefined) this.destroy();
    else this.once('end', () => this.destroy());
  }
}
