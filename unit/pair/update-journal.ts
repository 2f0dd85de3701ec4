import type { Witness } from '../../store/head.ts';
import type { Store } from '../../store/store.ts';
import type { Receipt, TakenUpdate } from '../../sync/receipt.ts';
import type { Events } from '../events.ts';
import type { Log } from '../log/log.ts';

const NAME = 'last-update';

export interface UpdateJournalOptions {
  store: Store;
  events: Events;
  log: Log;
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

  noteSent(receipt: Receipt, seen: Witness | undefined): void {
    const { events, log, store } = this.options;
    this.sent = receipt;
    events.emit('updateSent', receipt);
    const common = receipt.heldBack === undefined ? receipt : undefined;
    // Whoever forced the update is answered before anything is written about it.
    setImmediate(() => {
      log.info(receipt, 'update sent');
      store
        .keepReceipt(common, NAME, receipt, seen)
        .catch((error: unknown) => log.error({ reason: String(error) }, 'the receipt could not be kept'));
    });
  }

  noteTaken(update: TakenUpdate, from: string): void {
    this.taken = update;
    this.options.log.info({ ...update, from }, 'update taken');
    this.options.events.emit('updateReceived', update);
  }
}
