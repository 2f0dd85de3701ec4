/** Text for a window: lines that are too long go on in the next one, below where their text begins. */

/** Colours take no room. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
const COLOUR = /\u001b\[[0-9;]*m/g;
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

/** Colours take no room. */
export function widthOf(text: string): number {
  return text.replace(COLOUR, '').length;
}
