import type { Timers } from '../../host/timers.ts';
import { Turn } from '../../host/turn.ts';
import { isEveryAddress } from '../../schema/address.ts';
import { asLockstepError, type LockstepError, LockstepError as Refusal } from '../../schema/error.ts';
import type { Listener } from '../../sync/ssh/server.ts';
import type { Events } from '../events.ts';
import type { Log } from '../log/log.ts';

export interface ListeningOptions {
  /** What the unit was told when it was started. Without it, its own address on the update interface counts. */
  told: string | undefined;
  port: number;
  timers: Timers;
  events: Events;
  log: Log;
}

type Open = (address: string, port: number) => Promise<Listener>;

/** An address may come a moment after the record that names it, or after the unit that starts. */
const RETRY_MS = 2_000;

/** Keeps the unit listening where its own address is, also when that changes. */
export class Listening {
  private readonly options: ListeningOptions;
  private listener: Listener | undefined;
  private wanted: string;
  private readonly turn = new Turn();
  /** Undefined until it is started. */
  private open: Open | undefined;
  private cancelRetry: () => void = () => undefined;
  private stopped = false;
  /** Why it does not listen where it should. */
  trouble: LockstepError | undefined;

  constructor(options: ListeningOptions) {
    this.options = options;
    this.wanted = options.told ?? '::';
  }

  /** Throws `port-in-use`, and `bad-usage` for a told address that is not there. */
  async start(open: Open): Promise<void> {
    const { told } = this.options;
    this.open = open;
    await this.move();
    const { trouble } = this;
    if (trouble === undefined || (told === undefined && isMissing(trouble))) return;
    this.cancelRetry();
    throw trouble;
  }

  get address(): { address: string; port: number } {
    const { listener, wanted, options } = this;
    return { address: listener?.address ?? wanted, port: listener?.port ?? options.port };
  }

  /** Where calls to the partner come from; undefined: from wherever the way there begins. */
  get source(): string | undefined {
    const address = this.listener?.address;
    return address === undefined || isEveryAddress(address) ? undefined : address;
  }

  /** The records say another own address, perhaps; undefined for none. */
  ownIs(own: string | undefined): Promise<void> {
    const wanted = this.options.told ?? own ?? '::';
    if (wanted === this.wanted) return Promise.resolve();
    this.wanted = wanted;
    return this.move();
  }

  closeChannelsOf(who: string): void {
    this.listener?.closeChannelsOf(who);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.cancelRetry();
    await this.turn.settled();
    await this.listener?.close();
  }

  private move(): Promise<void> {
    return this.turn.take(() => this.moveNow());
  }

  /** The old place is given up only for the new one, but where one of them is all addresses: both cannot be at once. */
  private async moveNow(): Promise<void> {
    const { wanted, listener: old, options, open } = this;
    this.cancelRetry();
    if (this.stopped || open === undefined) return;
    if (old?.address === wanted) {
      this.trouble = undefined;
      return;
    }
    const overlaps = old !== undefined && (isEveryAddress(wanted) || isEveryAddress(old.address));
    const port = old?.port ?? options.port;
    try {
      if (overlaps) await old.close();
      this.listener = await open(wanted, port);
    } catch (error) {
      if (overlaps) this.listener = await open(old.address, port).catch(() => undefined);
      return this.noteTrouble(asLockstepError(error));
    }
    if (old !== undefined || this.trouble !== undefined) {
      options.log.warn(
        { from: old?.address ?? '', to: wanted, port },
        'this unit listens at another address',
      );
      options.events.emit('listeningMoved', this.address);
    }
    this.trouble = undefined;
    if (!overlaps) await old?.close();
  }

  private noteTrouble(error: LockstepError): void {
    const known = isMissing(error) ? notHere(this.wanted) : error;
    if (this.trouble?.message !== known.message)
      this.options.log.warn(
        { code: known.code, reason: known.message },
        'this unit does not listen where it should',
      );
    this.trouble = known;
    this.cancelRetry = this.options.timers.after(RETRY_MS, () => void this.move());
  }
}

function isMissing({ facts }: LockstepError): boolean {
  return facts.errno === 'EADDRNOTAVAIL';
}

function notHere(address: string): LockstepError {
  return new Refusal(
    'bad-usage',
    `This machine does not have the address ${address}, which its record names.`,
    {
      hint: 'Give the machine that address, or type lockstep set with the right one; it is tried again every few seconds.',
      facts: { address, errno: 'EADDRNOTAVAIL' },
    },
  );
}
