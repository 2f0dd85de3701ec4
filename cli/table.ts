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

/** Columns under their names, without lines, so that it can be read and cut; numbers stand to the right. */
export function formatTable(head: string[], rows: (string | number)[][], paint: Paint): string {
  const colAligns = head.map(
    (_name, column) => (typeof rows[0]?.[column] === 'number' ? 'right' : 'left') as 'left' | 'right',
  );
  const table = new Table({
    chars: NO_LINES,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [] },
    colAligns,
  });
  table.push(head.map(name => paint('bold', name)));
  for (const row of rows) table.push(row.map(cell => printable(String(cell))));
  return table.toString().replaceAll(/ +$/gm, '');
}
