import { readFile } from 'node:fs/promises';
import { writeDurable } from '../../host/durable-file.ts';
import { LockstepError } from '../../schema/error.ts';
import { isObject, parseDocument } from '../../schema/json.ts';
import type { Partner } from '../../sync/pairing.ts';

/** The partner that this unit is paired with, keys pinned; undefined before pairing. Throws `damaged-store`. */
export async function readPartner(file: string): Promise<Partner | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const partner = parseDocument(text, file);
  const fields = ['pairId', 'unitId', 'name', 'mode', 'host', 'hostKey', 'clientKey'];
  if (
    isObject(partner) &&
    fields.every(field => typeof partner[field] === 'string') &&
    typeof partner.port === 'number'
  ) {
    return partner as unknown as Partner;
  }
  throw new LockstepError('damaged-store', `${file} does not hold a partner.`, {
    hint: 'Pair the units again.',
  });
}

export function writePartner(file: string, partner: Partner): Promise<void> {
  return writeDurable(file, `${JSON.stringify(partner, null, 2)}\n`);
}
