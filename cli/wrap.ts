/** Text for a window: lines that are too long go on in the next one, below where their text begins. */
import { stripVTControlCharacters } from 'node:util';

/** What stands before the text of a line: spaces, a label and the spaces behind it, or both. */
const LEAD = /^(?:\s+(?:\S+(?: \S+)? {2,})?|\S+ {2,})?/;
const NARROWEST = 40;

/** `columns` undefined: the text goes to no window, and stays as it is. A word that is wider than a line is not cut. */
export function wrapLines(text: string, columns: number | undefined): string {
  if (columns === undefined) return text;
  const width = Math.max(columns, NARROWEST);
  return text
    .split('\n')
    .map(line => wrapLine(line, width))
    .join('\n');
}

/** The same, but for lines that stand further in: they are wrapped already, or are typed as they stand. */
export function wrapProse(text: string, columns: number | undefined): string {
  return text
    .split('\n')
    .map(line => (line.startsWith(' ') ? line : wrapLines(line, columns)))
    .join('\n');
}

function wrapLine(line: string, width: number): string {
  if (widthOf(line) <= width) return line;
  const lead = LEAD.exec(line)?.[0] ?? '';
  const indent = ' '.repeat(Math.min(widthOf(lead), Math.floor(width / 2)));
  const lines: string[] = [];
  let current = lead;
  let isEmpty = true;
  for (const word of line.slice(lead.length).split(' ')) {
    if (!isEmpty && widthOf(current) + 1 + widthOf(word) > width) {
      lines.push(current);
      current = indent + word;
    } else {
      current += isEmpty ? word : ` ${word}`;
    }
    isEmpty = false;
  }
  return [...lines, current].join('\n');
}

const ASCII = /^[\x20-\x7e]*$/;
/** Letters of East Asian scripts and emoji take two columns (Unicode, East Asian Width). */
const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\p{Emoji_Presentation}\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
/** Accents that stand over the letter before them, and marks that nobody sees. */
const NO_WIDTH = /^[\p{M}\p{Cf}]/u;

/** Columns that a text takes in a window. Colours take no room. */
export function widthOf(text: string): number {
  const shown = stripVTControlCharacters(text);
  if (ASCII.test(shown)) return shown.length;
  let width = 0;
  for (const letter of shown) width += NO_WIDTH.test(letter) ? 0 : WIDE.test(letter) ? 2 : 1;
  return width;
}
