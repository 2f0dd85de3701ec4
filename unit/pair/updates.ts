import type { Timers } from '../../host/timers.ts';
import { asLockstepError, type ErrorBody } from '../../schema/error.ts';
import type { PairChange, Store } from '../../store/store.ts';
import type { Receipt } from '../../sync/receipt.ts';
import type { Auditing } from '../audits/auditing.ts';
import type { Connections } from './connections.ts';

export interface UpdatesOptions {
  store: Store;
  connections: Connections;
  intervalSeconds: number;
  timers: Timers;
}

/** Updates that go out: at every interval, and when somebody asks. */
export class Updates {
  private readonly options: UpdatesOptions;
  /** By the timers. */
  private nextAt: number | undefined;
  private cancel: () => void = () => undefined;

  constructor(options: UpdatesOptions) {
    this.options = options;
  }

  /** From now on one at every interval; `audit` looks for drift then. */
  start(audit: Pick<Auditing, 'due'> | undefined): void {
    const { timers, intervalSeconds, connections } = this.options;
    this.nextAt = timers.now() + intervalSeconds * 1000;
    this.cancel = timers.after(intervalSeconds * 1000, () => {
      void audit?.due();
      connections.link?.due();
      this.start(audit);
    });
  }

  stop(): void {
    this.cancel();
  }

  /** Milliseconds until the next one; undefined where none goes out from here. */
  get nextInMs(): number | undefined {
    const { store, connections, timers } = this.options;
    if (this.nextAt === undefined || store.head.role !== 'active' || connections.link === undefined)
      return undefined;
    return this.nextAt - timers.now();
  }

  /** One goes out, comes in or is compared. */
  get isUnderWay(): boolean {
    const { link } = this.options.connections;
    return link !== undefined && link.state.work.step !== 'idle';
  }

  async force(): Promise<Receipt> {
    return this.options.connections.linked().forceUpdate();
  }

  /** Ask the standby whether it would take these changes; rejects with its reason when it would not. */
  async tryOut(changes: PairChange[]): Promise<void> {
    await this.options.connections.linked().tryOut(changes);
  }

  /** An update now, so that the partner knows what was settled here. */
  async tellPartner(): Promise<{ partnerKnows: boolean; error?: ErrorBody }> {
    const { store, connections } = this.options;
    if (connections.link === undefined || store.head.role !== 'active') return { partnerKnows: true };
    try {
      await connections.link.forceUpdate();
      return { partnerKnows: true };
    } catch (error) {
      return { partnerKnows: false, error: asLockstepError(error).toJSON() };
    }
  }
}
