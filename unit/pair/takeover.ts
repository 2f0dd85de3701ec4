import type { LeftBehind, TakeoverAnswer } from '../../api/contract/pair.ts';
import type { Status } from '../../api/contract/status.ts';
import type { Store } from '../../store/store.ts';
import type { FileCounts } from '../../sync/message.ts';
import type { Events } from '../events.ts';
import type { Log } from '../log/log.ts';
import { refusedProblem } from '../store-care/disk-watch.ts';
import type { Health } from '../store-care/health.ts';
import { RecordChecks, type RecordChecksOptions } from '../store-care/record-checks.ts';
import type { Connections } from './connections.ts';
import type { PairWatch } from './pair-watch.ts';
import { takeoverReadiness } from './takeover-readiness.ts';
import type { UpdateJournal } from './update-journal.ts';

export interface TakeoverOptions extends Omit<RecordChecksOptions, 'onChecked'> {
  store: Store;
  connections: Connections;
  watch: Pick<PairWatch, 'heard'>;
  journal: UpdateJournal;
  health: Health;
  fileCounts(): FileCounts;
  events: Events;
  log: Log;
}

/** Makes this unit active, and keeps an eye on whether it could. */
export class Takeover {
  private readonly records: RecordChecks;
  private readonly options: TakeoverOptions;
  private told = '';

  constructor(options: TakeoverOptions) {
    const { events } = options;
    this.options = options;
    this.records = new RecordChecks({ ...options, onChecked: () => this.note() });
    events.onAny(['diskRefused', 'diskRecovered'], () => this.note());
    events.on('pairStateChanged', () => queueMicrotask(() => this.note()));
    events.on('roleChanged', () => this.records.roleChanged());
  }

  start(): void {
    this.records.start();
  }

  stop(): Promise<void> {
    return this.records.stop();
  }

  /** Throws `not-paired`, and what a takeover is refused with. */
  async takeOver(force: boolean): Promise<TakeoverAnswer> {
    const { health, connections, fileCounts, log } = this.options;
    if (!force) health.assertGood();
    const link = connections.linked();
    const lacking = await health.whatCanBeRead(() => this.lacking(), undefined);
    const { epoch, partnerSteppedDown } = await link.takeOver(force);
    const { waiting } = fileCounts();
    const done = {
      epoch,
      partnerSteppedDown,
      ...(partnerSteppedDown || lacking === undefined ? {} : { leftBehind: lacking }),
      ...(waiting === 0 ? {} : { filesWaiting: waiting }),
    };
    log.warn(done, 'this unit took over as active');
    return { role: 'active', ...done };
  }

  readiness(files: Status['files']): Status['takeover'] {
    const { health, connections } = this.options;
    return takeoverReadiness({
      syncState: connections.link?.state,
      records: this.records.current,
      files,
      disk: health.refused && refusedProblem(health.refused),
    });
  }

  /** What the partner last said, where it says that it holds what this standby lacks; after that no update came. */
  private async lacking(): Promise<LeftBehind | undefined> {
    const { watch, connections, journal, store } = this.options;
    const { heard } = watch;
    const { own, partner } = connections.linked().state;
    if (heard === undefined || partner?.role !== 'active' || own.role !== 'standby') return undefined;
    const updatedAt = journal.last?.at ?? '';
    const isLacking = partner.pairId === own.pairId && updatedAt < heard.iso;
    if (!isLacking || (await store.revisionWithDigest(partner.digest)) !== undefined) return undefined;
    return { partner: partner.name, heardAt: heard.iso };
  }

  /** Something changed that it may depend on. Files have lines of their own in the log. */
  private note(): void {
    const { ready, findings } = this.readiness([]) ?? { ready: undefined, findings: [] };
    const failing = findings.filter(({ fails }) => fails).map(({ code, path }) => ({ code, path }));
    const told = JSON.stringify([ready, failing]);
    if (told === this.told) return;
    this.told = told;
    if (ready === true) this.options.log.info('ready to take over');
    if (ready === false) this.options.log.warn({ failing }, 'not ready to take over');
  }
}
