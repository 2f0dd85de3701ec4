import { inOneSubnet } from '../schema/rules/interfaces.ts';
import { type Check, count, listOf, object, text, tuple } from '../schema/shape.ts';

/** What must be equal, or go together, on two units that become a pair. */
export interface HaFacts {
  /** 0: none. */
  virtualId: number;
  /** The interfaces with a shared address: name, own address, bits of its network part, shared address. */
  interfaces: [name: string, address: string, prefix: number, shared: string][];
}

/** A greeting has room for so many. */
export const MAX_INTERFACES = 4;

export const haFacts: Check = object({
  virtualId: count,
  interfaces: listOf(tuple(text(32), text(45), count, text(45)), MAX_INTERFACES),
});

export interface Misfit {
  what: string;
  /** The field that says otherwise. */
  path: string;
  ours: string;
  theirs: string;
}

/** What the first update would overwrite without a word: only what both have set counts. */
export function contradictions(own: HaFacts, theirs: HaFacts): Misfit[] {
  const found: Misfit[] = [];
  if (own.virtualId !== theirs.virtualId && own.virtualId > 0 && theirs.virtualId > 0)
    found.push({
      what: 'HA Virtual ID',
      path: 'ha/virtualId',
      ours: String(own.virtualId),
      theirs: String(theirs.virtualId),
    });
  for (const [name, , , shared] of own.interfaces) {
    const other = theirs.interfaces.find(([its]) => its === name)?.[3] ?? shared;
    if (other !== shared)
      found.push({
        what: `shared address of ${name}`,
        path: `interfaces/${name}/sharedAddress`,
        ours: shared,
        theirs: other,
      });
  }
  return found;
}

/** Own addresses that cannot belong to one pair: two units at one address, or in two networks. */
export function strangers(own: HaFacts, theirs: HaFacts): Misfit[] {
  return own.interfaces.flatMap(([name, address, prefix]) => {
    const other = theirs.interfaces.find(([its]) => its === name)?.[1] ?? '';
    if (address === '' || other === '') return [];
    const what =
      address === other
        ? `address of ${name}, which both have,`
        : inOneSubnet(address, other, prefix)
          ? undefined
          : `network of ${name}`;
    return what === undefined
      ? []
      : [{ what, path: `interfaces/${name}/address`, ours: address, theirs: other }];
  });
}

export function words(misfits: Pick<Misfit, 'what' | 'ours' | 'theirs'>[]): string {
  return misfits.map(({ what, ours, theirs }) => `${what} here ${ours}, there ${theirs}`).join('; ');
}
