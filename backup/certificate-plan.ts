import { X509Certificate } from 'node:crypto';
import { pauses } from '../host/event-loop.ts';
import type { Catalog } from '../schema/catalog.ts';
import type { JsonObject } from '../schema/json.ts';
import type { Kind } from '../schema/kind.ts';
import { splitRecord } from '../schema/record.ts';
import { type Change, hasEffect } from '../store/transition.ts';
import type { Bundle, BundleRecord } from './bundle.ts';
import { isSameCertificate, privateKeysOf, withKeysOf } from './certificate-keys.ts';
import { certificateNotThere, keysDoNotFit, notACertificateBundle } from './certificate-refusals.ts';
import { CERTIFICATE_KINDS } from './parts.ts';
import type { Here } from './plan.ts';
import { misplaced } from './plan-refusals.ts';
import type { Selection } from './selection.ts';

/** Why a certificate or its key is of no use; undefined: it is not. */
export type FaultOf = (value: JsonObject) => string | undefined;

/** What becomes of a certificate when this unit has another one of its name: the newer one, the bundle's or the unit's. */
type Others = 'newer' | 'replace' | 'keep';

/** Which of two certificates of one name is meant, and why: a part of a sentence about it. */
export type NewerOf = (
  here: JsonObject,
  bundle: JsonObject,
  path: string,
) => Promise<{ newer: 'here' | 'bundle' | 'neither'; because: string }>;

interface CertificateJudges {
  faultOf: FaultOf;
  newerOf: NewerOf;
}

interface CertificateChoice {
  select: Selection;
  /** undefined: nobody said. */
  others: Others | undefined;
}

/** What a person compares of two certificates. */
interface ComparedCertificate {
  /** SHA-256 as `AB:CD:…`; absent with the rest when it cannot be read. */
  fingerprint?: string;
  /** ISO 8601. */
  notBefore?: string;
  notAfter?: string;
  hasKey: boolean;
}

/** A selected certificate, and what becomes of it. */
export interface PlannedCertificate {
  path: string;
  /** `same`: nothing differs; `keep`: the other one that is here stays; `undecided`: nobody said which. */
  action: 'add' | 'change' | 'same' | 'keep' | 'undecided';
  bundle: ComparedCertificate;
  /** Another certificate of the same name, which is here now. */
  other?: ComparedCertificate & { newer: 'here' | 'bundle' | 'neither'; because: string };
}

export interface CertificatePlan {
  changes: Change[];
  /** In the order of their paths. */
  certificates: PlannedCertificate[];
  /** Certificates here that belong to the selection and are not in the bundle: they stay. */
  staying: { paths: string[]; count: number };
}

const MAX_NAMED = 100;

/**
 * What it takes to put the selected certificates of a bundle here. Nothing is removed, and a key that is here
 * stays with its certificate when the bundle has none.
 * Throws `restore-configuration`, `restore-no-certificate`, `restore-key-unfit`, `damaged-bundle`.
 */
export async function planCertificates(
  catalog: Catalog,
  bundle: Bundle,
  here: Here,
  { select, others }: CertificateChoice,
  { faultOf, newerOf }: CertificateJudges,
): Promise<CertificatePlan> {
  if (bundle.manifest.kind !== 'certificates') throw notACertificateBundle();
  const plan: CertificatePlan = { changes: [], certificates: [], staying: { paths: [], count: 0 } };
  const held = new Set<string>();
  const unfit: { path: string; message: string }[] = [];
  const rest = pauses(); // looking at a key takes a millisecond
  for await (const record of bundle.records(['certs'])) {
    await rest();
    const { path, value } = record;
    const kind = catalog.kindOf(path);
    if (!CERTIFICATE_KINDS.includes(kind.name)) throw misplaced(path, kind.part);
    held.add(path);
    if (!select.holds(path)) continue;
    const fault = faultOf(value);
    if (fault !== undefined) unfit.push({ path, message: fault });
    const { planned, change } = await planOne(kind, record, here, { others, newerOf });
    plan.certificates.push(planned);
    if (change !== undefined) plan.changes.push(change);
  }
  const absent = select.absentFrom(held);
  if (absent.length > 0) throw certificateNotThere(absent, [...held]);
  if (unfit.length > 0) throw keysDoNotFit(unfit);
  for (const folder of select.folders)
    for await (const path of here.paths(folder)) {
      if (held.has(path)) continue;
      plan.staying.count++;
      if (plan.staying.paths.length < MAX_NAMED) plan.staying.paths.push(path);
    }
  return plan;
}

async function planOne(
  kind: Kind,
  { path, value }: BundleRecord,
  here: Here,
  { others, newerOf }: { others: Others | undefined; newerOf: NewerOf },
): Promise<{ planned: PlannedCertificate; change?: Change }> {
  const before = await here.split(path);
  const current = before.pair;
  const bundle = factsOf(kind, value);
  const put: Change = { op: 'put', path, value };
  if (current === undefined) return { planned: { path, action: 'add', bundle }, change: put };
  if (isSameCertificate(value, current)) {
    const complete = withKeysOf(kind, value.key === undefined ? current : undefined, value);
    if (!hasEffect({ before, after: splitRecord(kind, complete) }))
      return { planned: { path, action: 'same', bundle } };
    return { planned: { path, action: 'change', bundle }, change: { ...put, value: complete } };
  }
  const other = { ...factsOf(kind, current), ...(await newerOf(current, value, path)) };
  if (others === undefined) return { planned: { path, action: 'undecided', bundle, other } };
  const takes = others === 'replace' || (others === 'newer' && other.newer === 'bundle');
  if (!takes) return { planned: { path, action: 'keep', bundle, other } };
  return { planned: { path, action: 'change', bundle, other }, change: put };
}

function factsOf(kind: Kind, value: JsonObject): ComparedCertificate {
  const hasKey = privateKeysOf(kind, value).length > 0;
  try {
    const { fingerprint256, validFrom, validTo } = new X509Certificate(String(value.certificate));
    const [notBefore, notAfter] = [validFrom, validTo].map(time => new Date(time).toISOString());
    return {
      fingerprint: fingerprint256,
      notBefore: notBefore as string,
      notAfter: notAfter as string,
      hasKey,
    };
  } catch {
    return { hasKey };
  }
}
