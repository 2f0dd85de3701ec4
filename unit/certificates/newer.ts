import type { NewerOf } from '../../backup/certificate-plan.ts';
import { type CertificateRecord, checkCertificate } from '../../certs/check.ts';
import { type Candidate, newerOf, whyNewer } from '../../certs/newer.ts';
import { readX509, type X509 } from '../../certs/x509.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { StoreSnapshot } from '../../store/snapshot.ts';

/** What a record is when it is compared with another of its name; undefined: it cannot be read, so that any other is better. */
export function candidateOf(
  value: JsonObject,
  now: Date,
  putAt: Date | undefined,
  intermediates: readonly (string | X509)[] = [],
): Candidate | undefined {
  try {
    const { notBefore, notAfter } = readX509(String(value.certificate));
    const options = { now, intermediates, allowWeak: true };
    const found = checkCertificate(value as unknown as CertificateRecord, options);
    return { notBefore, notAfter, putAt, unfit: found.some(({ fails }) => fails) };
  } catch {
    return undefined;
  }
}

/** When the record at `path` was last put there, as far as the history says. */
export async function putAt(
  snapshot: Pick<StoreSnapshot, 'traces'>,
  path: string,
): Promise<Date | undefined> {
  const trace = (await snapshot.traces([path])).get(path);
  return trace === undefined ? undefined : new Date(trace.revision.at);
}

/**
 * Compares what is here with what a bundle holds. What was put here after the bundle was made was put last; of what lies longer
 * here nobody knows, as another pair may have made the bundle. An intermediate is judged by its days.
 */
export function newerHere(snapshot: StoreSnapshot, bundleAt: Date, now: Date): NewerOf {
  return async (here, bundle, path) => {
    const put = await putAt(snapshot, path);
    const known = put !== undefined && put > bundleAt;
    const judged = (value: JsonObject, at: Date): Candidate | undefined => {
      const candidate = candidateOf(value, now, known ? at : undefined);
      return path.startsWith('intermediates/') && candidate ? { ...candidate, unfit: false } : candidate;
    };
    const [ours, theirs] = [judged(here, put ?? bundleAt), judged(bundle, bundleAt)];
    if (ours === undefined || theirs === undefined) {
      const newer = ours === theirs ? 'neither' : ours === undefined ? 'bundle' : 'here';
      return { newer, because: 'the other one cannot be read' };
    }
    const { newer, because } = newerOf(ours, theirs, now);
    const [winner, loser] = newer === 'other' ? [theirs, ours] : [ours, theirs];
    const side = { one: 'here', other: 'bundle', neither: 'neither' } as const;
    return { newer: side[newer], because: whyNewer(because, winner, loser, now) };
  };
}
