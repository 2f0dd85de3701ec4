/** How near the end of a certificate is. */
import type { X509 } from './x509.ts';

const DAY_MS = 86_400_000;

/** Days left at which somebody is warned, and that it is over. */
const EXPIRY_STAGES = [30, 14, 7, 1] as const;
type ExpiryStage = (typeof EXPIRY_STAGES)[number] | 'expired';

/** Whole days; 0 on the last day, below 0 once it is over. */
export function daysLeft({ notAfter }: Pick<X509, 'notAfter'>, now: Date): number {
  const left = notAfter.getTime() - now.getTime();
  return left <= 0 ? Math.ceil(left / DAY_MS) - 1 : Math.floor(left / DAY_MS);
}

/** The narrowest threshold that `days` is within; undefined: more than 30 days are left. */
export function expiryStage(days: number): ExpiryStage | undefined {
  if (days < 0) return 'expired';
  return EXPIRY_STAGES.findLast(stage => days <= stage);
}

/** A day; within two days of `now`, where seconds may matter, with the time of day. */
export function momentText(time: Date, now: Date): string {
  const text = time.toISOString();
  const near = Math.abs(time.getTime() - now.getTime()) < 2 * DAY_MS;
  return near ? `${text.slice(0, 10)} ${text.slice(11, 19)} UTC` : text.slice(0, 10);
}
