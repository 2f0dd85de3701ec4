import { readFileSync } from 'node:fs';
import type { Store } from '../store/store.ts';
import type { HaMode } from '../sync/message.ts';

/** Facts that `init` settles once, kept in the store beside the configuration. */
export interface UnitFacts {
  id: string;
  port: number;
  createdAt: string;
}

/** What a unit says of itself; read from its own records, so it changes with them. */
export interface Identity {
  name: string;
  mode: 'single' | HaMode;
  model: string;
  release: string;
}

export const DEFAULT_PORT = 6973;
export const DEFAULT_MODEL = 'generic';

/** Kinds whose records make up the identity. */
export const IDENTITY_PATHS = new Set(['ha', 'host', 'licence']);

export async function readIdentity(store: Pick<Store, 'read'>, unitId: string): Promise<Identity> {
  const [ha, host, licence] = await Promise.all([
    store.read('ha'),
    store.read('host'),
    store.read('licence'),
  ]);
  return {
    name: String(host?.hostname ?? unitId.slice(0, 8)),
    mode: ha?.mode === 'first' || ha?.mode === 'second' ? ha.mode : 'single',
    model: String(licence?.model ?? DEFAULT_MODEL),
    release: String(licence?.release ?? packageVersion()),
  };
}

/** Version of Lockstep. */
export function packageVersion(): string {
  const file = new URL('../package.json', import.meta.url); // one folder up from the sources and from the build
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
