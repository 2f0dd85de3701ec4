import type { RestoreAnswer } from '../api/contract/restore.ts';
import { printable } from '../schema/printable.ts';
import type { Paint } from './paint.ts';

const MOST_LISTED = 10;

/** Virtual Services that a restore leaves without the key of a certificate, for people. */
export function unservedLines({ services, count }: RestoreAnswer['unserved'], paint: Paint): string[] {
  if (count === 0) return [];
  return [
    paint('yellow', 'These Virtual Services show a certificate whose private key is not here:'),
    ...services
      .slice(0, MOST_LISTED)
      .map(({ path, certificate }) => `  ${printable(path)}  ${printable(certificate)}`),
    ...(count > MOST_LISTED ? [`  and ${count - MOST_LISTED} more`] : []),
  ];
}
