import { makeSelfSigned } from '../../certs/self-signed.ts';

export interface Made extends Record<string, string> {
  certificate: string;
  key: string;
}

/** A certificate with its key, issued on a day for so many days. */
export function made(name: string, issued = '2026-01-01', days = 365): Made {
  return {
    ...makeSelfSigned({ commonName: name, names: [name], addresses: [], now: new Date(issued), days }),
  };
}

/** What no log, answer or error may hold of a key: a piece of each of its lines. */
export function piecesOf(key: string): string[] {
  return key
    .split('\n')
    .filter(line => line !== '' && !line.startsWith('-----'))
    .map(line => line.slice(-24));
}
