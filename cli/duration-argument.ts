import { LockstepError } from '../schema/error.ts';
import { secondsFrom } from '../schema/value-from-text.ts';

const MAX_DAYS = 30;

/** Seconds that a length of time of the command line stands for: `90s`, `30m`, `2h`, `1d`. Throws `bad-usage`. */
export function duration(what: string): (text: string) => number {
  return text => {
    const seconds = secondsFrom(text) ?? 0;
    if (Number.isInteger(seconds) && seconds >= 1 && seconds <= MAX_DAYS * 86_400) return seconds;
    throw new LockstepError('bad-usage', `${what} must be a length of time, not ${JSON.stringify(text)}.`, {
      hint: `A number with s, m, h or d, at most ${MAX_DAYS}d: ${what} 30m.`,
    });
  };
}
