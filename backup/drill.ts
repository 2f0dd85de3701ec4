import { createHash } from 'node:crypto';
import { pauses } from '../host/event-loop.ts';
import type { Catalog } from '../schema/catalog.ts';
import { LockstepError } from '../schema/error.ts';
import { PARTS } from '../schema/kind.ts';
import type { Rule } from '../schema/rule.ts';
import { openMemory } from '../store/memory.ts';
import { Store } from '../store/store.ts';
import type { Bundle } from './bundle.ts';
import type { FaultOf } from './certificate-plan.ts';
import { chooseParts } from './guards.ts';
import { migrate } from './migrate.ts';
import { linesOf } from './parts.ts';
import { planRestore } from './plan.ts';
import { asRestoreRefusal } from './refused.ts';

/** What a drill has proved. */
interface Proof {
  records: number;
  /** Digest of the scratch unit; that of the bundle, unless private keys or parts were left out of it. */
  digest: string;
}

interface DrillOptions {
  catalog: Catalog;
  rules: readonly Rule[];
  now: () => Date;
  faultOf: FaultOf;
}

/**
 * Restore a bundle on a scratch unit in memory, which is forgotten at the end, and compare what stands there with what the
 * manifest promises: each part byte by byte, and the digest where the bundle holds everything that it covers. Of a
 * certificate bundle every key must be readable and fit its certificate.
 * Throws `drill-failed`, and what a restore is refused with.
 */
export async function drillBundle(
  given: Bundle,
  { catalog, rules, now, faultOf }: DrillOptions,
): Promise<Proof> {
  const { bundle } = migrate(given);
  const { manifest } = bundle;
  if (manifest.kind === 'certificates') await assertKeysFit(bundle, faultOf);
  const scratch = await Store.open({ port: openMemory(), catalog, rules, now });
  await scratch.setRole('active', 1);
  const empty = await scratch.snapshot();
  const choice = { parts: chooseParts(manifest, undefined), as: 'the-old-unit' as const };
  const { changes } = await planRestore(catalog, bundle, empty, choice).finally(() => empty.close());
  await scratch
    .commit({ changes, kind: 'restore', author: 'drill', reason: 'drill' })
    .catch(error => Promise.reject(asRestoreRefusal(catalog, error)));
  for (const { part, sha256 } of manifest.parts) {
    const hash = createHash('sha256');
    for await (const piece of linesOf({ source: scratch, catalog, withKeys: true }, part)) hash.update(piece);
    if (hash.digest('hex') !== sha256)
      throw failed(`its part ${part} is not what was restored from it`, { part });
  }
  const { digest } = scratch.head;
  const isWhole = manifest.parts.length === PARTS.length && (manifest.keysLeftOut ?? []).length === 0;
  if (isWhole && digest !== manifest.digest)
    throw failed('the digest of what was restored is another one', {
      promised: manifest.digest,
      found: digest,
    });
  return { records: manifest.parts.reduce((sum, { records }) => sum + records, 0), digest };
}

async function assertKeysFit(bundle: Bundle, faultOf: FaultOf): Promise<void> {
  const rest = pauses();
  for await (const { path, value } of bundle.records()) {
    await rest();
    const fault = faultOf(value);
    if (fault !== undefined) throw failed(`${path}: ${fault}`, { path });
  }
}

function failed(reason: string, facts: Record<string, unknown>): LockstepError {
  return new LockstepError('drill-failed', `The bundle does not give back what it was made of: ${reason}.`, {
    hint: 'Put right what it names, if anything, make another one and drill that.',
    facts,
  });
}
