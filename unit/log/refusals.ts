import type { Timers } from '../../host/timers.ts';
import type { LockstepError } from '../../schema/error.ts';
import { type Refusal, RefusalLog } from '../../sync/ssh/refusal-log.ts';
import type { Metrics } from '../metrics.ts';
import type { Log } from './log.ts';

/** Every refusal of a connection or a message: counted each time, told in few lines. */
export class Refusals {
  private readonly told = new RefusalLog();
  private readonly options: { timers: Timers; log: Log; metrics: Metrics };

  constructor(options: { timers: Timers; log: Log; metrics: Metrics }) {
    this.options = options;
  }

  connection(refusal: Refusal): void {
    this.options.metrics.refusals.inc({ reason: 'connection' });
    this.tell(refusal, {}, 'connection refused');
  }

  message({ code, message }: LockstepError, source: string): void {
    this.options.metrics.refusals.inc({ reason: code });
    this.tell({ source, reason: message }, { code }, 'message refused', code);
  }

  /** `kind`: what makes it the same as another; the words of a message are the sender's to vary. */
  private tell(refusal: Refusal, facts: object, what: string, kind = refusal.reason): void {
    const { timers, log } = this.options;
    const untold = this.told.note({ source: refusal.source, reason: kind }, timers.now());
    if (untold !== undefined) log.warn({ ...facts, ...refusal, ...untold }, what);
  }
}
