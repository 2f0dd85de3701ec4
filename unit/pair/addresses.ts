import { isIP } from 'node:net';
import { isObject } from '../../schema/json.ts';
import type { Store } from '../../store/store.ts';
import { type HaFacts, MAX_INTERFACES } from '../../sync/fit.ts';

/** The interface that updates travel over (docs/DOMAIN.md, Promises), as the records of this unit describe it. */
export interface UpdateInterface {
  /** `interfaces/eth0`. */
  path: string;
  /** This unit's own address there, and its partner's. */
  address?: string;
  partnerAddress?: string;
}

/** What the records say about where the pair is in the network. */
export interface PairAddresses {
  update: UpdateInterface | undefined;
  facts: HaFacts;
}

/** Interfaces are a handful: the schema knows no other. */
export async function readAddresses(store: Pick<Store, 'read' | 'list'>): Promise<PairAddresses> {
  const ha = await store.read('ha');
  const path = typeof ha?.updateInterface === 'string' ? `interfaces/${ha.updateInterface}` : undefined;
  let update: UpdateInterface | undefined;
  const interfaces: HaFacts['interfaces'] = [];
  for await (const record of store.list('interfaces')) {
    if (!isObject(record.value)) continue;
    const { address, partnerAddress, sharedAddress, prefix } = record.value;
    const text = (value: unknown): string => (typeof value === 'string' && isIP(value) > 0 ? value : '');
    const known = {
      address: text(address),
      partnerAddress: text(partnerAddress),
      shared: text(sharedAddress),
    };
    if (record.path === path)
      update = {
        path,
        ...(known.address === '' ? {} : { address: known.address }),
        ...(known.partnerAddress === '' ? {} : { partnerAddress: known.partnerAddress }),
      };
    if (known.shared === '') continue;
    const name = record.path.slice('interfaces/'.length);
    const bits = typeof prefix === 'number' ? prefix : 0;
    const entry: HaFacts['interfaces'][number] = [name, known.address, bits, known.shared];
    if (record.path === path) interfaces.unshift(entry);
    else interfaces.push(entry);
  }
  return {
    update,
    facts: {
      virtualId: typeof ha?.virtualId === 'number' ? ha.virtualId : 0,
      interfaces: interfaces.slice(0, MAX_INTERFACES),
    },
  };
}
