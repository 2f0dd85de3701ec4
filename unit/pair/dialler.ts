import type { Timers } from '../../host/timers.ts';
import type { Channel } from '../../sync/channel.ts';
import { dialFirst } from '../../sync/dial-first.ts';
import type { Partner } from '../../sync/pairing.ts';
import { dial } from '../../sync/ssh/client.ts';
import { fingerprint, type KeyPair, publicBlob } from '../../sync/ssh/keys.ts';
import type { NamedPlace } from './places.ts';

export interface DiallerOptions {
  clientKey: KeyPair;
  /** Address that calls come from; undefined: from wherever the way there begins. */
  source(): string | undefined;
  timers: Timers;
}

const DIAL_MS = 10_000;

/** Opens connections to other units, as this one. */
export class Dialler {
  private readonly options: DiallerOptions;

  constructor(options: DiallerOptions) {
    this.options = options;
  }

  /** `expected`: fingerprint of the one host key that `acceptHostKey` takes, for the message about another one. */
  dial(
    host: string,
    port: number,
    acceptHostKey: (blob: Buffer) => boolean,
    expected: string,
    signal?: AbortSignal,
  ): Promise<Channel> {
    const localAddress = this.options.source();
    return dial({
      host,
      port,
      clientKey: this.options.clientKey.private,
      acceptHostKey,
      expected,
      timeoutMs: DIAL_MS,
      ...(localAddress === undefined ? {} : { localAddress }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** At the first of the places that answers with the key of the partner. */
  dialFirst(
    { hostKey }: Partner,
    places: NamedPlace[],
    signal: AbortSignal,
  ): Promise<{ channel: Channel; place: NamedPlace }> {
    const blob = publicBlob(hostKey);
    const expected = fingerprint(hostKey);
    return dialFirst({
      places,
      dial: ({ host, port }, either) =>
        this.dial(host, port, offered => offered.equals(blob), expected, either),
      because: ({ because }) => because,
      timers: this.options.timers,
      signal,
    });
  }
}
