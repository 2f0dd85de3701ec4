import { isIP } from 'node:net';
import type { Store } from '../store/store.ts';

/** The interface that updates travel over (docs/DOMAIN.md, Promises), as the records of this unit describe it. */
export interface UpdateInterface {
  /** `interfaces/eth0`. */
  path: string;
  /** This unit's own address there, and its partner's. */
  address?: string;
  partnerAddress?: string;
}

export async function readUpdateInterface(store: Pick<Store, 'read'>): Promise<UpdateInterface | undefined> {
  const chosen = (await store.read('ha'))?.updateInterface;
  if (typeof chosen !== 'string') return undefined;
  const path = `interfaces/${chosen}`;
  const record = await store.read(path);
  const addressIn = (field: string): Record<string, string> => {
    const value = record?.[field];
    return typeof value === 'string' && isIP(value) > 0 ? { [field]: value } : {};
  };
  return { path, ...addressIn('address'), ...addressIn('partnerAddress') };
}
