import { printable } from '../../schema/printable.ts';

const SIGNS: Record<string, string> = { warn: '! ', error: '!! ', fatal: '!! ' };

/** Lines of the log for somebody who runs the unit in a terminal: `12:03:44 ! role changed: role active, epoch 3`. */
export function forPeople(stream: { write(text: string): unknown }): { write(lines: string): void } {
  return { write: lines => void stream.write(lines.trimEnd().split('\n').map(inWords).join('')) };
}

function inWords(line: string): string {
  try {
    const { time, level, msg, ...facts } = JSON.parse(line) as Record<string, unknown>;
    const said = Object.entries(facts).map(([name, value]) => `${name} ${wordsOf(value)}`);
    const words = `${String(msg)}${said.length === 0 ? '' : `: ${said.join(', ')}`}`;
    return `${clockTime(String(time))} ${SIGNS[String(level)] ?? ''}${printable(words)}\n`;
  } catch {
    return `${printable(line)}\n`;
  }
}

function wordsOf(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  return /^[0-9a-f]{64}$/.test(value) ? value.slice(0, 12) : value;
}

function clockTime(iso: string): string {
  const at = new Date(iso);
  return [at.getHours(), at.getMinutes(), at.getSeconds()]
    .map(part => String(part).padStart(2, '0'))
    .join(':');
}
