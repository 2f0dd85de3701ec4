/** What a change of addresses or HA parameters does to a pair, said when it is typed. */

import type { ChangeView } from '../../api/contract/changes.ts';
import type { JsonObject } from '../../schema/json.ts';
import { contradictions, type HaFacts, strangers, words } from '../../sync/fit.ts';
import type { HaMode } from '../../sync/message.ts';
import type { UpdateInterface } from './addresses.ts';

export interface AboutPair {
  partner: {
    name: string;
    mode: HaMode | undefined;
    established: boolean;
    ha: HaFacts | undefined;
    port: number;
  };
  update: UpdateInterface | undefined;
  /** As the records stand now, before the change where it is a dry run. */
  facts: HaFacts;
  /** The address that the unit was told to listen on. */
  told: string | undefined;
}

export function pairNotes(changes: readonly ChangeView[], about: AboutPair): string[] {
  return changes.flatMap(view => {
    if (view.path === 'ha') return haNotes(view, about);
    return view.path.startsWith('interfaces/') ? interfaceNotes(view, about) : [];
  });
}

function haNotes({ before = {}, after = {} }: ChangeView, { partner, facts }: AboutPair): string[] {
  const notes: string[] = [];
  if (after.mode !== before.mode && after.mode === partner.mode)
    notes.push(
      `${partner.name} is in HA ${partner.mode} mode too: nothing crosses until one of the two is in the other mode.`,
    );
  if (after.updateInterface !== before.updateInterface)
    notes.push(
      `Updates travel over ${after.updateInterface ?? 'any interface'} from now on: this unit listens on its address there, and dials the partnerAddress there.`,
    );
  const virtualId = typeof after.virtualId === 'number' ? after.virtualId : 0;
  if (virtualId !== before.virtualId)
    notes.push(...overwriting({ ...facts, virtualId, interfaces: [] }, partner));
  return notes;
}

function interfaceNotes(view: ChangeView, about: AboutPair): string[] {
  const { before = {}, after = {}, path } = view;
  const { partner, update, told } = about;
  const changed = (field: string): string | undefined =>
    after[field] === before[field] ? undefined : String(after[field] ?? '');
  const notes = path === update?.path ? addressNotes(changed, before, partner, told) : [];
  if (['address', 'prefix', 'sharedAddress'].every(field => changed(field) === undefined)) return notes;
  const own = factsOf(path.slice('interfaces/'.length), after);
  notes.push(...overwriting(own, partner));
  const far = partner.ha === undefined ? [] : strangers(own, partner.ha);
  if (far.length > 0) notes.push(`It does not go together with ${partner.name}: ${words(far)}.`);
  return notes;
}

function addressNotes(
  changed: (field: string) => string | undefined,
  before: JsonObject,
  partner: AboutPair['partner'],
  told: string | undefined,
): string[] {
  const [address, partnerAddress] = [changed('address'), changed('partnerAddress')];
  const notes: string[] = [];
  if (address !== undefined && told !== undefined)
    notes.push(`This unit was told to listen on ${told} when it was started, and stays there.`);
  else if (address)
    notes.push(
      `This unit listens on ${address} as soon as the machine has that address${before.address === undefined ? '' : `, and on ${before.address} until then`}; ${partner.name} learns it by itself.`,
    );
  if (partnerAddress)
    notes.push(
      `${partner.name} is dialled at ${partnerAddress}, port ${partner.port}, from now on; the connection to it stays until it answers there.`,
    );
  else if (partnerAddress === '')
    notes.push(`${partner.name} is dialled where it was last reached, from now on.`);
  return notes;
}

/** A partner that never was in step gets what this unit holds with its first update. */
function overwriting(own: HaFacts, { name, established, ha }: AboutPair['partner']): string[] {
  const found = established || ha === undefined ? [] : contradictions(own, ha);
  return found.length === 0 ? [] : [`The first update overwrites what ${name} has: ${words(found)}.`];
}

function factsOf(name: string, { address, prefix, sharedAddress }: JsonObject): HaFacts {
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  const bits = typeof prefix === 'number' ? prefix : 0;
  return { virtualId: 0, interfaces: [[name, text(address), bits, text(sharedAddress)]] };
}
