import {
  type DoctorAnswer,
  type DoctorFinding,
  GROUPS,
  type Group,
  type Outcome,
} from '../api/contract/doctor.ts';
import { printable } from '../schema/printable.ts';
import type { Paint, Style } from './paint.ts';
import { plural } from './quantity.ts';

const SIGNS: Record<Outcome, { word: string; style: Style }> = {
  ok: { word: 'ok', style: 'green' },
  warning: { word: 'warning', style: 'yellow' },
  failure: { word: 'FAILURE', style: 'red' },
  'not-checked': { word: 'not checked', style: 'dim' },
};
const WIDTH = 13;
const INDENT = ' '.repeat(WIDTH + 2);

/** One line for what is well, and for the rest the facts, why it matters, and what to type. */
export function formatDoctor(answer: DoctorAnswer, paint: Paint, all: boolean): string {
  const groups = (Object.keys(GROUPS) as Group[]).flatMap(group => {
    const found = answer.findings.filter(finding => finding.group === group);
    return found.length === 0
      ? []
      : [
          [paint('bold', GROUPS[group]), ...found.flatMap(each => formatFinding(each, paint, all))].join(
            '\n',
          ),
        ];
  });
  return [...groups, summary(answer, paint)].join('\n\n');
}

function formatFinding(finding: DoctorFinding, paint: Paint, all: boolean): string[] {
  const { outcome, holds, message, here, there, why, hint } = finding;
  const { word, style } = SIGNS[outcome];
  const first = `  ${paint(style, word.padEnd(WIDTH))}${holds}`;
  const facts = [
    ...(here === undefined ? [] : [`here: ${here}`]),
    ...(there === undefined ? [] : [`partner: ${there}`]),
  ].join(' · ');
  const factLines = facts === '' ? [] : [`${INDENT}${printable(facts)}`];
  const hintLines = hint === undefined ? [] : [`${INDENT}${paint('cyan', 'hint: ')}${printable(hint)}`];
  if (outcome === 'ok' && finding.group === 'step') return [`${first} (${printable(message)})`];
  if (outcome === 'ok') return all ? [first, `${INDENT}${printable(message)}`, ...factLines] : [first];
  if (outcome === 'not-checked')
    return [`${first} ${paint('dim', `(${printable(message)})`)}`, ...(all ? factLines : []), ...hintLines];
  const found = `${INDENT}${printable(message)}`;
  return [first, found, ...factLines, `${INDENT}why: ${why}`, ...hintLines];
}

function summary(
  { counts, seconds, before, unit, partner, partnerUnknown }: DoctorAnswer,
  paint: Paint,
): string {
  const words = [
    ...(counts.failure > 0 ? [paint('red', plural(counts.failure, 'failure'))] : []),
    ...(counts.warning > 0 ? [paint('yellow', plural(counts.warning, 'warning'))] : []),
    `${counts.ok} ok`,
    `${counts['not-checked']} not checked`,
  ].join(', ');
  const alone = partnerUnknown === '' ? unit : `${unit} alone (${partnerUnknown})`;
  const who = partner === null ? alone : `${unit} and ${partner}`;
  const step = before === null ? '' : ` before ${before}`;
  return `${printable(who)}${step}: ${words} (${seconds.toFixed(1)} s).`;
}
