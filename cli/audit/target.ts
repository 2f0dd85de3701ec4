import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { PartnerStatus } from '../../api/contract/status.ts';
import { LockstepError } from '../../schema/error.ts';
import { nearest } from '../../schema/path.ts';
import type { Place } from '../context.ts';
import { DEFAULT_PORT, parseHost } from '../host-argument.ts';

/** What an operator names: something that this unit can look at, or another unit. */
export type Named =
  | { is: 'local' | 'partner' }
  | { is: 'revision'; revision: number }
  | { is: 'bundle'; file: string }
  | { is: 'unit'; place: Place };

/** What may be meant by a word that is nearly one of these. */
const WORDS = ['local', 'partner', 'history', 'proof', 'fleet'];

/** `local`, `partner`, a number, a bundle, the directory of a unit, or host and port. Throws `bad-usage`. */
export function readTarget(text: string): Named {
  if (text === 'local' || text === 'partner') return { is: text };
  if (/^\d{1,15}$/.test(text)) return { is: 'revision', revision: Number(text) };
  if (existsSync(text)) {
    return statSync(text).isDirectory()
      ? { is: 'unit', place: { dir: resolve(text) } }
      : { is: 'bundle', file: text };
  }
  if (text.endsWith('.lockstep') || text.includes('/')) return { is: 'bundle', file: text };
  const meant = /^[a-z]+$/i.test(text) ? nearest(text, WORDS) : undefined;
  if (meant !== undefined)
    throw new LockstepError('bad-usage', `There is no audit ${JSON.stringify(text)}.`, {
      hint: `Did you mean lockstep audit ${meant}? A unit that is called so: ${text}:${DEFAULT_PORT}.`,
    });
  parseHost(text);
  return { is: 'unit', place: { unit: text } };
}

/** Whether a host and port are those of the partner. */
export function isPartner(unit: string, partner: Pick<PartnerStatus, 'host' | 'port'> | null): boolean {
  const { host, port = DEFAULT_PORT } = parseHost(unit);
  return partner !== null && partner.host === host && partner.port === port;
}
