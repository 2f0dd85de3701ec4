/** Which of two certificates of one name an operator means: what was put there last, and lasts longer. */
import { momentText } from './expiry.ts';

export interface Candidate {
  notBefore: Date;
  notAfter: Date;
  /** When somebody put it there; undefined: nobody knows. */
  putAt?: Date | undefined;
  /** Clients would refuse it for another reason than its days. */
  unfit?: boolean;
}

type Side = 'one' | 'other';

export interface Verdict {
  newer: Side | 'neither';
  because: 'serves' | 'issued-later' | 'placeholder' | 'put-last' | 'lasts-longer' | 'alike';
}

/** Programs put one of a day in place until the real one is there; the shortest real ones last six. */
const PLACEHOLDER_MS = 2 * 86_400_000;

/**
 * In this order: what serves now stands over what does not, whatever a wrong clock once wrote into it; what was issued later and
 * lasts as long at least is newer. Where one was issued later and the other lasts longer, a placeholder gives way; of two others what
 * was put there last stands, since somebody may want a shorter life; where nobody knows when, what lasts longer.
 */
export function newerOf(one: Candidate, other: Candidate, now: Date): Verdict {
  const serving = [one, other].map(each => serves(each, now));
  if (serving[0] !== serving[1]) return { newer: serving[0] ? 'one' : 'other', because: 'serves' };
  const later = Math.sign(one.notBefore.getTime() - other.notBefore.getTime());
  const longer = Math.sign(one.notAfter.getTime() - other.notAfter.getTime());
  if (later === 0 && longer === 0) return { newer: 'neither', because: 'alike' };
  if (later * longer >= 0) return { newer: sideOf(later + longer), because: 'issued-later' };
  const brief = Number(isPlaceholder(other)) - Number(isPlaceholder(one));
  if (brief !== 0) return { newer: sideOf(brief), because: 'placeholder' };
  const put = putLast(one, other, now);
  return put === 0
    ? { newer: sideOf(longer), because: 'lasts-longer' }
    : { newer: sideOf(put), because: 'put-last' };
}

/** Why `newer` stands over `older`, as a part of a sentence about `newer`; "the other one" is `older`. */
export function whyNewer(because: Verdict['because'], newer: Candidate, older: Candidate, now: Date): string {
  switch (because) {
    case 'serves':
      return 'it is good today, and the other one is not';
    case 'issued-later':
      return `it was issued later (${momentText(newer.notBefore, now)}) and does not end sooner`;
    case 'placeholder':
      return 'the other one is valid for two days at most, as a placeholder is';
    case 'put-last':
      return 'it was put there after the other one';
    case 'lasts-longer':
      return `it ends ${momentText(newer.notAfter, now)}, the other one ${momentText(older.notAfter, now)}`;
    case 'alike':
      return 'both have the same dates';
  }
}

function serves({ notBefore, notAfter, unfit = false }: Candidate, now: Date): boolean {
  return !unfit && notBefore <= now && now < notAfter;
}

function isPlaceholder({ notBefore, notAfter }: Candidate): boolean {
  return notAfter.getTime() - notBefore.getTime() <= PLACEHOLDER_MS;
}

/** A time that is still to come was written by a wrong clock, and says nothing. */
function putLast(one: Candidate, other: Candidate, now: Date): number {
  if (one.putAt === undefined || other.putAt === undefined || one.putAt > now || other.putAt > now) return 0;
  return Math.sign(one.putAt.getTime() - other.putAt.getTime());
}

function sideOf(sign: number): Side {
  return sign > 0 ? 'one' : 'other';
}
