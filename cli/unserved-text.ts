import type { RestoreAnswer } from '../api/contract/restore.ts';
import { printable } from '../schema/printable.ts';
import type { Paint } from './paint.ts';
import { listLines } from './quantity.ts';

const MAX_LISTED = 10;

/** Virtual Services that a restore leaves without the key of a certificate, for people. */
export function unservedLines({ services, count }: RestoreAnswer['unserved'], paint: Paint): string[] {
  if (count === 0) return [];
  return [
    paint('yellow', 'These Virtual Services show a certificate whose private key is not here:'),
    ...listLines(services, ({ path, certificate }) => `  ${printable(path)}  ${printable(certificate)}`, {
      most: MAX_LISTED,
      count,
    }),
  ];
}
