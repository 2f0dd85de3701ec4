/** The calling end of an operator's connection: hands out streams, as many as the unit allows. */
import type { Duplex } from 'node:stream';
import type { LockstepError } from '../../schema/error.ts';
import { type ControlLimits, ControlLine, type ControlStream, type ControlWire } from './control.ts';
import { type Client, CONTROL } from './ssh2.ts';

/** A connection to a unit by which an operator works on it. */
export interface Control {
  /** One more stream to its API. Rejects with `partner-unreachable`. */
  open(): Promise<ControlStream>;
  close(): void;
}

/** Fewer than a unit allows: it may learn of the end of one after we asked for the next. */
const MAX_STREAMS = 6;

/** The first stream is there already: with it the unit has shown that it speaks control at all. */
export function controlOver(
  first: Duplex,
  wire: ControlWire & { connection: Client },
  limits: ControlLimits,
  fail: (reason: 'closed' | 'no-subsystem') => LockstepError,
): Control {
  const line = new ControlLine(wire, limits);
  let ready: ControlStream | undefined = line.open(first);
  let opening = 0;
  /** Whoever waits for a stream, or for room for one. */
  const waiting = new Set<() => void>();
  const stir = (): void => {
    for (const look of waiting) look();
  };
  wire.socket.once('close', stir);
  ready.once('close', stir);

  const roomForOne = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (wire.socket.destroyed) reject(fail('closed'));
        else if (line.streams + opening < MAX_STREAMS) {
          opening++;
          resolve();
        } else return;
        waiting.delete(look);
      };
      waiting.add(look);
      look();
    });

  const openAnother = (): Promise<ControlStream> =>
    new Promise((resolve, reject) => {
      const end = (): void => {
        waiting.delete(lost);
        opening--;
      };
      const lost = (): void => {
        if (!wire.socket.destroyed) return;
        end();
        reject(fail('closed'));
      };
      waiting.add(lost);
      wire.connection.subsys(CONTROL, (error, channel) => {
        if (!waiting.has(lost)) return;
        end();
        if (error) return reject(fail('no-subsystem'));
        const stream = line.open(channel);
        stream.once('close', stir);
        resolve(stream);
      });
    });

  return {
    open: async () => {
      const stream = ready;
      ready = undefined;
      if (stream !== undefined && !stream.destroyed) return stream;
      await roomForOne();
      return openAnother();
    },
    close: () => line.close(),
  };
}
