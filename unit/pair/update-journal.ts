import type { Receipt, TakenUpdate } from '../../api/contract/shapes.ts';
import type { Store } from '../../store/store.ts';
import type { UpdateReport } from '../../sync/link.ts';
import type { Events } from '../events.ts';
import type { Log } from '../log/log.ts';

const NAME = 'last-update';

export interface UpdateJournalOptions {
  store: Store;
  events: Events;
  log: Log;
  now(): Date;
}

/** What was sent and what was taken: the last of each for the status, all of them for log and metrics. */
export class UpdateJournal {
  private readonly options: UpdateJournalOptions;
  private sent: Receipt | undefined;
  private taken: TakenUpdate | undefined;

  private constructor(options: UpdateJournalOptions, sent: Receipt | undefined) {
    this.options = options;
    this.sent = sent;
  }

  static async open(options: UpdateJournalOptions): Promise<UpdateJournal> {
    return new UpdateJournal(options, await options.store.readLocal<Receipt>(NAME));
  }

  /** On the active unit the last one sent, on the standby the last one taken. */
  get last(): Receipt | TakenUpdate | undefined {
    return this.options.store.head.role === 'active' ? this.sent : this.taken;
  }

  /** A new partner has got nothing and sent nothing. */
  forget(): void {
    this.sent = undefined;
    this.taken = undefined;
  }

  noteSent(report: UpdateReport): void {
    const { events, log, store } = this.options;
    const receipt = this.receipt(report);
    this.sent = receipt;
    events.emit('updateSent', receipt);
    const common = report.heldBack === undefined ? report : undefined;
    // Whoever forced the update is answered before anything is written about it.
    setImmediate(() => {
      const { seen: _seen, ...told } = report;
      log.info(told, 'update sent');
      store
        .keepReceipt(common, NAME, receipt, report.seen)
        .catch((error: unknown) => log.error({ reason: String(error) }, 'the receipt could not be kept'));
    });
  }

  noteTaken(update: Omit<TakenUpdate, 'kind' | 'at'> & { from: string }): void {
    const { events, log, now } = this.options;
    const { from: _from, ...taken } = update;
    this.taken = { ...taken, kind: 'taken', at: now().toISOString() };
    log.info(update, 'update taken');
    events.emit('updateReceived', this.taken);
  }

  receipt({ result, forced, revision, digest, records, bytes, ms, heldBack }: UpdateReport): Receipt {
    return {
      result,
      kind: forced ? 'forced' : 'periodic',
      revision,
      digest,
      records,
      bytes,
      ms,
      at: this.options.now().toISOString(),
      ...(heldBack === undefined ? {} : { heldBack }),
    };
  }
}
