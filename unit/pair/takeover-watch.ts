import type { SyncState } from '../../sync/state.ts';
import type { Status } from '../contract.ts';
import type { Log } from '../log/log.ts';
import { refusedProblem } from '../store-care/disk-watch.ts';
import type { Health } from '../store-care/health.ts';
import { RecordChecks, type RecordChecksOptions } from '../store-care/record-checks.ts';
import { takeoverReadiness } from './takeover-readiness.ts';

export interface TakeoverWatchOptions extends Omit<RecordChecksOptions, 'onChecked'> {
  syncState(): SyncState | undefined;
  health: Pick<Health, 'refused'>;
  log: Log;
}

/** Keeps an eye on whether this standby could take over, and tells the log when that changes. */
export class TakeoverWatch {
  readonly records: RecordChecks;
  private readonly options: TakeoverWatchOptions;
  private told = '';

  constructor(options: TakeoverWatchOptions) {
    this.options = options;
    this.records = new RecordChecks({ ...options, onChecked: () => this.note() });
  }

  readiness(files: Status['files']): Status['takeover'] {
    const { refused } = this.options.health;
    return takeoverReadiness({
      syncState: this.options.syncState(),
      records: this.records.current,
      files,
      disk: refused && refusedProblem(refused),
    });
  }

  /** Something changed that it may depend on. Files have lines of their own in the log. */
  note(): void {
    const { ready, findings } = this.readiness([]) ?? { ready: undefined, findings: [] };
    const failing = findings.filter(({ fails }) => fails).map(({ code, path }) => ({ code, path }));
    const told = JSON.stringify([ready, failing]);
    if (told === this.told) return;
    this.told = told;
    if (ready === true) this.options.log.info('ready to take over');
    if (ready === false) this.options.log.warn({ failing }, 'not ready to take over');
  }
}
