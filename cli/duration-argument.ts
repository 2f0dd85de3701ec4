import { LockstepError } from '../schema/error.ts';

const SECONDS: Record<string, number> = { s: 1, min: 60, m: 60, h: 3600, d: 86_400 };
const MOST_DAYS = 30;

/** Seconds that a length of time of the command line stands for: `90s`, `30m`, `2h`, `1d`. Throws `bad-usage`. */
export function duration(what: string): (text: string) => number {
  return text => {
    const [, count, unit] = /^(\d{1,8}) ?(s|min|m|h|d)$/.exec(text) ?? [];
    const seconds = Number(count) * (SECONDS[unit ?? ''] ?? Number.NaN);
    if (seconds >= 1 && seconds <= MOST_DAYS * 86_400) return seconds;
    throw new LockstepError('bad-usage', `${what} must be a length of time, not ${JSON.stringify(text)}.`, {
      hint: `A number with s, m, h or d, at most ${MOST_DAYS}d: ${what} 30m.`,
    });
  };
}
