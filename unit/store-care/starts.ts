import type { Moment } from '../../host/deadline.ts';
import { asLockstepError, LockstepError } from '../../schema/error.ts';
import type { Store } from '../../store/store.ts';
import type { Log } from '../log/log.ts';
import { ended, type Pacified, resumed, type Starts, started } from './restarts.ts';

const FACT = 'starts';

/** Keeps the starts and ends of the daemon in the store, and knows whether this unit is pacified. */
export class StartCounter {
  private readonly store: Store;
  private readonly log: Log;
  private starts: Starts;

  private constructor(store: Store, log: Log, starts: Starts) {
    this.store = store;
    this.log = log;
    this.starts = starts;
  }

  static async open(store: Store, clock: Moment, log: Log): Promise<StartCounter> {
    const counter = new StartCounter(store, log, started(await store.readLocal<Starts>(FACT), clock));
    await counter.keep();
    const { pacified } = counter;
    if (pacified !== undefined) log.error({ ...pacified, hint: PACIFIED_HINT }, 'this unit is pacified');
    return counter;
  }

  get pacified(): Pacified | undefined {
    return this.starts.pacified;
  }

  /** Throws `disk`: then it stays pacified. */
  async resume(by: string): Promise<void> {
    await this.store.writeLocal(FACT, resumed());
    if (this.pacified !== undefined) this.log.warn({ by }, 'this unit is pacified no longer');
    this.starts = resumed();
  }

  /** The daemon ends in order. */
  async close(): Promise<void> {
    this.starts = ended(this.starts);
    await this.keep();
  }

  /** A full disk must not keep a unit from starting or ending. */
  private async keep(): Promise<void> {
    await this.store
      .writeLocal(FACT, this.starts)
      .catch((error: unknown) =>
        this.log.warn({ code: asLockstepError(error).code }, 'the start was not counted'),
      );
  }
}

export const PACIFIED_HINT = 'Look in the log for why it ended, mend that, then type lockstep resume.';

export function pacifiedError({ since, restarts }: Pacified): LockstepError {
  return new LockstepError('pacified', pacifiedSentence({ restarts }), {
    hint: PACIFIED_HINT,
    facts: { since, restarts },
  });
}

export function pacifiedSentence({ restarts }: Pick<Pacified, 'restarts'>): string {
  return `This unit is pacified: it broke off and restarted ${restarts} times within five minutes, and takes part in nothing.`;
}
