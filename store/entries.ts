import type { JsonObject } from '../schema/json.ts';
import { joinRecord } from '../schema/record.ts';
import { uniqueKeys } from './check.ts';
import { keys } from './keys.ts';
import { indexedTargets } from './links.ts';
import type { Batch, Entry } from './port.ts';
import type { SpelledTransition } from './spelling.ts';
import type { Transition } from './transition.ts';

/** How many shared records more (or fewer) there are. */
export function grown(transitions: SpelledTransition[]): number {
  const there = (half: string | undefined): number => (half === undefined ? 0 : 1);
  return transitions.reduce((sum, { before, after }) => sum + there(after.pair) - there(before.pair), 0);
}

/** The halves of the records themselves. */
export function halfEntries(transitions: SpelledTransition[]): Pick<Batch, 'put' | 'remove'> {
  const put: Entry[] = [];
  const remove: string[] = [];
  for (const { path, before, after } of transitions) {
    for (const [key, from, to] of [
      [keys.pair, before.pair, after.pair],
      [keys.unit, before.unit, after.unit],
    ] as const) {
      if (to === undefined && from !== undefined) remove.push(key(path));
      else if (to !== undefined && to !== from) put.push([key(path), Buffer.from(to)]);
    }
  }
  return { put, remove };
}

/** References and unique values of the records, as they were and as they will be. */
export function indexEntries(transitions: Transition[]): Pick<Batch, 'put' | 'remove'> {
  const old = new Set<string>();
  const fresh = new Map<string, Buffer>();
  for (const transition of transitions) {
    const { kind, path, before, after } = transition;
    if (kind.references.length === 0 && kind.uniqueFields.length === 0) continue;
    for (const target of targets(kind, joinRecord(kind, before))) old.add(keys.referrer(target, path));
    for (const target of targets(kind, joinRecord(kind, after)))
      fresh.set(keys.referrer(target, path), Buffer.alloc(0));
    for (const { key } of uniqueKeys(transition, 'before')) old.add(key);
    for (const { key } of uniqueKeys(transition, 'after')) fresh.set(key, Buffer.from(path));
  }
  return { put: [...fresh], remove: [...old].filter(key => !fresh.has(key)) };
}

function targets(kind: Transition['kind'], value: JsonObject | undefined): string[] {
  return value === undefined ? [] : indexedTargets(kind, value);
}
