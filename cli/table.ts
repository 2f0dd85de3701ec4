import Table from 'cli-table3';
import type { Paint } from './output.ts';
import { printable } from './printable.ts';

const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

const ASCII = /^[\x20-\x7e]*$/;

/** Columns under their names, without lines, so that it can be read and cut; numbers stand to the right. */
export function formatTable(head: string[], rows: (string | number)[][], paint: Paint): string {
  const cells = rows.map(row => row.map(cell => printable(String(cell))));
  const isPlain = [head, ...cells].every(row => row.every(cell => ASCII.test(cell)));
  return isPlain ? plainTable(head, rows, cells, paint) : measuredTable(head, rows, cells, paint);
}

/** What needs no measuring is only padded: the library takes a second for a thousand rows. */
function plainTable(head: string[], rows: (string | number)[][], cells: string[][], paint: Paint): string {
  const widths = head.map((name, column) =>
    cells.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), name.length),
  );
  const right = head.map((_name, column) => typeof rows[0]?.[column] === 'number');
  const line = (row: string[], show: (cell: string) => string): string =>
    row
      .map((cell, column) => {
        const gap = ' '.repeat((widths[column] as number) - cell.length);
        return right[column] ? gap + show(cell) : show(cell) + gap;
      })
      .join('  ')
      .trimEnd();
  return [line(head, name => paint('bold', name)), ...cells.map(row => line(row, cell => cell))].join('\n');
}

function measuredTable(head: string[], rows: (string | number)[][], cells: string[][], paint: Paint): string {
  const colAligns = head.map(
    (_name, column) => (typeof rows[0]?.[column] === 'number' ? 'right' : 'left') as 'left' | 'right',
  );
  const table = new Table({
    chars: NO_LINES,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns,
  });
  table.push(head.map(name => paint('bold', name)));
  for (const row of cells) table.push(row);
  return table.toString().replaceAll(/ +$/gm, '');
}
