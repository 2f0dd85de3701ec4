import { MAX_SKEW_MS } from '../../audit/doctor/time.ts';
import type { Problem } from '../../schema/error.ts';
import type { Log } from '../log/log.ts';

/** What `status` says of two clocks that disagree. `skewMs`: the partner's minus ours. */
export function clockWarning(partner: string, skewMs: number | undefined): Problem | undefined {
  if (!isSkewed(skewMs)) return undefined;
  const seconds = Math.round(Math.abs(skewMs) / 100) / 10;
  return {
    code: 'clock-skew',
    path: 'time',
    message: `The clock of ${partner} is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} the clock of this unit.`,
    hint: 'Set both clocks by NTP. The order of changes does not depend on them, but the times in history do.',
  };
}

/** Tells the log once when the clocks begin to disagree, and once when they agree again. */
export class ClockWatch {
  private skewed = false;
  private readonly log: Log;

  constructor(log: Log) {
    this.log = log;
  }

  seen(skewMs: number): void {
    const skewed = isSkewed(skewMs);
    if (skewed === this.skewed) return;
    this.skewed = skewed;
    if (skewed) this.log.warn({ code: 'clock-skew', skewMs }, "the partner's clock disagrees with ours");
    else this.log.info({ skewMs }, "the partner's clock agrees with ours again");
  }
}

function isSkewed(skewMs: number | undefined): skewMs is number {
  return skewMs !== undefined && Math.abs(skewMs) > MAX_SKEW_MS;
}
