/** An audit for people. */
import type { AuditFinding, AuditReport, DriftClass } from '../../api/contract/audits.ts';
import { printable } from '../../schema/printable.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import type { Paint, Style } from '../paint.ts';
import { plural } from '../quantity.ts';
import { localTime } from '../time.ts';

export const CLASS_WORDS: Record<DriftClass, string> = {
  corruption: 'corruption',
  'local-edit': 'local edit',
  missed: 'missed update',
  'not-sent': 'not yet sent',
  changed: 'changed',
  mirror: 'file differs',
  release: 'other release',
  'by-design': 'by design',
};

const COLOURS: Record<DriftClass, Style> = {
  corruption: 'red',
  'local-edit': 'red',
  missed: 'red',
  'not-sent': 'yellow',
  changed: 'yellow',
  mirror: 'yellow',
  release: 'dim',
  'by-design': 'dim',
};
/** What a comparison ends with. */
export const EXIT_OF_VERDICT: Record<AuditReport['verdict'], ExitCode> = {
  same: EXIT.done,
  drift: EXIT.differs,
  damaged: EXIT.damaged,
};

const MAX_VALUE_WIDTH = 60;
/** Of a report that is not settled. */
export const MOVING =
  'The configuration kept changing while it was looked at. What is called corruption, local edit or missed update was asked for again, and is so; the rest may be on its way.';

export function formatReport(report: AuditReport, paint: Paint): string {
  const { findings, more } = report;
  return [
    headline(report),
    ...findings.flatMap(finding => ['', ...formatFinding(report, finding, paint)]),
    ...(more > 0 ? ['', `and ${more} more`] : []),
    ...(report.settled ? [] : ['', MOVING]),
  ].join('\n');
}

/** Both ends, and how many differences there are. */
export function headline({ a, b, verdict, findings, more, counts }: AuditReport): string {
  const total = findings.length + more;
  const ends = `${endWords(a)} and ${endWords(b)}`;
  if (total === 0)
    return a.digest === b.digest
      ? `${ends} hold the same: digest ${a.digest.slice(0, 16)}.`
      : `${ends}: nothing differs but what is on its way.`;
  const each = Object.entries(counts).map(([found, count]) => `${count} ${CLASS_WORDS[found as DriftClass]}`);
  const what = verdict === 'same' ? 'hold the same but for what may differ' : plural(total, 'difference');
  return verdict === 'same'
    ? `${ends} ${what}: ${each.join(', ')}.`
    : `${ends}: ${what} (${each.join(', ')}).`;
}

function endWords({ is, name, role, revision }: AuditReport['a']): string {
  const what = is === 'unit' ? `${role}, revision ${revision}` : `${is} of revision ${revision}`;
  return printable(is === 'revision' ? `${name} at revision ${revision}` : `${name} (${what})`);
}

function formatFinding(report: AuditReport, finding: AuditFinding, paint: Paint): string[] {
  const { class: found, path, only } = finding;
  const names = namesOf(report);
  const alone = only === undefined ? '' : `  only on ${printable(names[only])}`;
  return [
    `${paint(COLOURS[found], CLASS_WORDS[found].padEnd(13))} ${paint('bold', printable(path))}${alone}`,
    ...[whereWords(report, finding), ...reasonLines(finding)]
      .filter(line => line !== '')
      .map(line => `  ${line}`),
    ...finding.fields.map(field => `  ${fieldWords(field)}`),
  ];
}

/** What the two are called in short; units that share a name are told apart by their role. */
export function namesOf({ a, b }: AuditReport): { a: string; b: string } {
  const short = ({ is, name, role, revision }: AuditReport['a']): string => {
    if (is === 'revision') return `revision ${revision}`;
    return is === 'unit' && a.name === b.name && a.is === b.is && a.role !== b.role
      ? `${name} (${role})`
      : name;
  };
  return { a: short(a), b: short(b) };
}

/** On which unit, by whom, since when. */
export function whereWords(report: AuditReport, finding: AuditFinding): string {
  const { a, b } = namesOf(report);
  const { on, revision, by, at, firstSeen } = finding;
  const where = on === undefined ? '' : on === 'both' ? 'on both' : `on ${on === 'a' ? a : b}`;
  const who = by === undefined ? '' : `revision ${revision} by ${by}, ${localTime(at ?? '')}`;
  const unknown = finding.class === 'local-edit' && by === undefined ? 'by a hand that left no revision' : '';
  const seen = firstSeen === undefined ? '' : `first seen ${localTime(firstSeen)}`;
  return [where, who, unknown, seen]
    .filter(part => part !== '')
    .map(part => printable(part))
    .join('; ');
}

function reasonLines({ reason }: AuditFinding): string[] {
  return reason === undefined || reason === '' ? [] : [printable(reason)];
}

function fieldWords({ field, a, b, hidden }: AuditFinding['fields'][number]): string {
  return hidden === true
    ? `${printable(field)}: differs`
    : `${printable(field)}: ${valueWords(a)} | ${valueWords(b)}`;
}

export function valueWords(value: AuditFinding['fields'][number]['a']): string {
  if (value === undefined) return 'not there';
  const text = printable(JSON.stringify(value));
  return text.length > MAX_VALUE_WIDTH ? `${text.slice(0, MAX_VALUE_WIDTH)}…` : text;
}
