import { ERROR_CODES, type ErrorCode } from '../../schema/error.ts';
import { CHECKS } from '../doctor/doctor.ts';
import type { Explanation, Source } from './explanation.ts';
import { table } from './tables.ts';

interface Explained extends Explanation {
  source: Source;
  /** What in the line it is about: a code, a message, or the words that were recognised. */
  about: string;
}

/** A line of text longer than this is cut: no program writes them. */
const LONGEST = 4096;

/** What a line says, the plainest first; empty: it is not known. */
export function explainLine(line: string): Explained[] {
  const entry = jsonIn(line);
  if (entry !== undefined) return [...messageOf(entry.msg), ...codeOf(entry.code)];
  const text = line.slice(0, LONGEST);
  const byPattern = [...recognised(text, 'ucarp'), ...recognised(text, 'keepalived')];
  if (byPattern.length > 0) return byPattern;
  // Codes of one word, such as `disk`, are taken for codes only where nothing else stands.
  const words = text.split(/[^a-z0-9-]+/).filter(word => word.includes('-') || word === text.trim());
  return [...messageOf(text.trim()), ...[...new Set(words)].flatMap(codeOf)];
}

function recognised(line: string, source: 'ucarp' | 'keepalived'): Explained[] {
  for (const { pattern, caseCounts, ...explanation } of table(source)) {
    const found = new RegExp(pattern, caseCounts ? '' : 'i').exec(line);
    if (found !== null) return [{ source, about: found[0], ...explanation }];
  }
  return [];
}

/** A line of the log of a unit, or what a command printed with --json. */
function jsonIn(line: string): { msg?: unknown; code?: unknown } | undefined {
  const start = line.indexOf('{');
  if (start < 0) return undefined;
  try {
    const entry = JSON.parse(line.slice(start)) as {
      msg?: unknown;
      code?: unknown;
      error?: { code?: unknown };
    };
    return entry.error?.code === undefined ? entry : { code: entry.error.code };
  } catch {
    return undefined;
  }
}

function messageOf(message: unknown): Explained[] {
  if (typeof message !== 'string') return [];
  // The longest first: "unpaired" must not be taken for the beginning of something else.
  const messages = table('log-messages');
  const known = Object.keys(messages)
    .filter(begin => message.startsWith(begin))
    .sort((one, other) => other.length - one.length)[0];
  return known === undefined
    ? []
    : [{ source: 'lockstep', about: known, ...(messages[known] as Explanation) }];
}

function codeOf(code: unknown): Explained[] {
  if (typeof code !== 'string') return [];
  if (Object.hasOwn(ERROR_CODES, code)) {
    const { means } = ERROR_CODES[code as ErrorCode];
    const advice = table('errors')[code as ErrorCode] ?? { causes: [], look: [] };
    const happened = `${means.charAt(0).toUpperCase()}${means.slice(1)}.`;
    return [{ source: 'lockstep', about: code, happened, ...advice }];
  }
  const check = CHECKS.find(each => each.code === code);
  if (check === undefined) return [];
  const happened = `This does not hold: ${check.holds} ${check.why}`;
  const look = [...(check.hint === undefined ? [] : [check.hint]), 'lockstep doctor'];
  return [{ source: 'lockstep', about: code, happened, causes: [], look }];
}

export interface Report {
  /** Each explanation once, in the order of the lines. */
  explained: (Explained & { line: string; count: number })[];
  /** Lines that say nothing that is known. */
  unknown: { count: number; first: string };
  /** Lines of every day that nothing is told of. */
  ordinary: number;
}

/** What a line of every day says; undefined: it is none. */
function ordinary(line: string): Explained | undefined {
  const entry = jsonIn(line);
  const message = entry === undefined ? line.trim() : entry.msg;
  if (typeof message !== 'string' || !Object.hasOwn(table('ordinary'), message)) return undefined;
  return {
    source: 'lockstep',
    about: message,
    happened: table('ordinary')[message] as string,
    causes: [],
    look: [],
  };
}

/** Of many lines: what comes again and again is told once, and counted; lines of every day only where there are no others. */
export function explainText(text: string): Report {
  const found = new Map<string, Report['explained'][number]>();
  const unknown = { count: 0, first: '' };
  const lines = text.split('\n').filter(line => line.trim() !== '');
  let everyDay = 0;
  for (const line of lines) {
    const explained = explainLine(line);
    if (explained.length === 0) {
      const known = ordinary(line);
      if (known !== undefined) everyDay++;
      else if (unknown.count++ === 0) unknown.first = line;
      if (known !== undefined && lines.length === 1) explained.push(known);
    }
    for (const each of explained) {
      const key = `${each.source} ${each.happened}`;
      const known = found.get(key);
      if (known === undefined) found.set(key, { ...each, line, count: 1 });
      else known.count++;
    }
  }
  return { explained: [...found.values()], unknown, ordinary: everyDay };
}
