import { printable } from '../schema/printable.ts';
import { windowColumns } from './output.ts';
import type { Paint } from './paint.ts';
import { widthOf, wrapLines } from './wrap.ts';

type Row = (string | number)[];
const INDENT = '    ';

/**
 * Columns under their names, without lines, so that it can be read and cut; numbers stand to the right. In a window of `columns`
 * that is narrower, the last column goes below the others; where that is not enough, each row is a list of its own.
 */
export function formatTable(head: string[], rows: Row[], paint: Paint, columns = windowColumns()): string {
  const whole = columnsTable(head, rows, paint);
  if (columns === undefined || fits(whole, columns)) return whole;
  const [first = '', ...lines] = columnsTable(
    head.slice(0, -1),
    rows.map(row => row.slice(0, -1)),
    paint,
  ).split('\n');
  if (!fits([first, ...lines].join('\n'), columns)) return wrapLines(lists(head, rows, paint), columns);
  const last = rows.map(row => printable(String(row.at(-1))));
  const below = lines.flatMap((line, index) => (last[index] ? [line, INDENT + last[index]] : [line]));
  return wrapLines([first, INDENT + paint('bold', head.at(-1) ?? ''), ...below].join('\n'), columns);
}

function fits(text: string, columns: number): boolean {
  return text.split('\n').every(line => widthOf(line) <= columns);
}

/** The first cell, and below it the others with their names. */
function lists(head: string[], rows: Row[], paint: Paint): string {
  const [, ...names] = head;
  const width = Math.max(...names.map(name => name.length));
  return rows
    .map(([first = '', ...cells]) =>
      [
        paint('bold', printable(String(first))),
        ...cells.flatMap((cell, index) =>
          cell === '' ? [] : [`${INDENT}${(names[index] ?? '').padEnd(width)}  ${printable(String(cell))}`],
        ),
      ].join('\n'),
    )
    .join('\n');
}

function columnsTable(head: string[], rows: Row[], paint: Paint): string {
  const cells = rows.map(row => row.map(cell => printable(String(cell))));
  const widths = head.map((name, column) =>
    cells.reduce((width, row) => Math.max(width, widthOf(row[column] ?? '')), widthOf(name)),
  );
  const right = head.map((_name, column) => typeof rows[0]?.[column] === 'number');
  const line = (row: string[], show: (cell: string) => string): string =>
    row
      .map((cell, column) => {
        const gap = ' '.repeat((widths[column] as number) - widthOf(cell));
        return right[column] ? gap + show(cell) : show(cell) + gap;
      })
      .join('  ')
      .trimEnd();
  return [line(head, name => paint('bold', name)), ...cells.map(row => line(row, cell => cell))].join('\n');
}
