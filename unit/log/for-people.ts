import { printable } from '../../schema/printable.ts';

const SIGNS: Record<string, string> = { warn: '! ', error: '!! ', fatal: '!! ' };

/** The file of the log has all of it. */
const MAX_LISTED = 3;
const MAX_LENGTH = 300;

/** Lines of the log for somebody who runs the unit in a terminal: `12:03:44 ! role changed: role active, epoch 3`. */
export function forPeople(stream: { write(text: string): unknown }): { write(lines: string): void } {
  return { write: lines => void stream.write(lines.trimEnd().split('\n').map(inWords).join('')) };
}

function inWords(line: string): string {
  try {
    const { time, level, msg, ...facts } = JSON.parse(line) as Record<string, unknown>;
    const said = Object.entries(facts)
      .filter(([, value]) => !isEmpty(value))
      .map(([name, value]) => `${name} ${wordsOf(value)}`);
    const words = `${String(msg)}${said.length === 0 ? '' : `: ${said.join(', ')}`}`;
    return `${clockTime(String(time))} ${SIGNS[String(level)] ?? ''}${printable(words)}\n`;
  } catch {
    return `${printable(line)}\n`;
  }
}

/** `common ,` tells nobody anything. */
function isEmpty(value: unknown): boolean {
  if (value === '' || value === null) return true;
  return typeof value === 'object' && Object.values(value as object).every(isEmpty);
}

function wordsOf(value: unknown): string {
  if (Array.isArray(value)) {
    const shown = value.slice(0, MAX_LISTED).map(wordsOf).join(' ');
    return value.length > MAX_LISTED ? `${shown} and ${value.length - MAX_LISTED} more` : shown;
  }
  if (typeof value !== 'string') return JSON.stringify(value);
  if (/^[0-9a-f]{64}$/.test(value)) return value.slice(0, 12);
  return value.length > MAX_LENGTH ? `${value.slice(0, MAX_LENGTH)}…` : value;
}

function clockTime(iso: string): string {
  const at = new Date(iso);
  return [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map(part => String(part).padStart(2, '0'))
    .join(':');
}
