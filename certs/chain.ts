/** The ways from a certificate to a root. */
import type { X509 } from './x509.ts';
import { isSameName } from './x509-name.ts';
import { isSignedBy } from './x509-signature.ts';

/** Longer chains are not looked for; public ones have four members at most. */
const MAX_MEMBERS = 10;
/** Ways that are tried, and signatures that are verified, so that hostile certificates cost no more than good ones. */
const MAX_PATHS = 64;
const MAX_SIGNATURES = 256;

/** How a way ends: at a root that is trusted or at hand, at one that is not trusted, or where nobody knows the issuer. */
export type WayEnd = 'root' | 'unknown-root' | 'no-issuer' | 'wrong-signature';

export interface Way {
  /** The certificate first, each followed by the one that issued it. */
  members: X509[];
  end: WayEnd;
}

/**
 * Every way from `leaf` through `others`, the likeliest first. `roots`: where a way has to end; undefined: any certificate that
 * signed itself is a root. Each link of a way has the right names, key ids and signature; nothing else is looked at.
 */
export function* waysUp(leaf: X509, others: readonly X509[], roots?: readonly X509[]): Generator<Way> {
  const signatures = new Signatures();
  const pool = distinct([...(roots ?? []), ...others]);
  const anchors = roots === undefined ? undefined : new Set(roots.map(({ fingerprint }) => fingerprint));
  let left = MAX_PATHS;
  const open: X509[][] = [[leaf]];
  for (let members = open.pop(); members !== undefined && left > 0; members = open.pop()) {
    const last = members.at(-1) as X509;
    const { end, next } = stepUp(last, members, pool, anchors, signatures);
    if (end !== undefined) {
      left -= 1;
      yield { members, end };
    }
    open.push(...next.map(issuer => [...(members as X509[]), issuer]).reverse());
  }
}

/** The certificates among `others` that a way from `leaf` passes, those of the first way first; `leaf` leads. */
export function orderChain(leaf: X509, others: readonly X509[]): X509[] {
  return distinct([...waysUp(leaf, others)].flatMap(({ members }) => members));
}

function stepUp(
  last: X509,
  members: X509[],
  pool: X509[],
  anchors: Set<string> | undefined,
  signatures: Signatures,
): { end?: WayEnd; next: X509[] } {
  if (anchors?.has(last.fingerprint)) return { end: 'root', next: [] };
  const signedItself = last.selfIssued && signatures.fit(last, last);
  if (signedItself && anchors === undefined) return { end: 'root', next: [] };
  const issuers = pool.filter(each => !isAmong(each, members) && mayBeIssuedBy(last, each));
  const next = members.length < MAX_MEMBERS ? issuers.filter(each => signatures.fit(last, each)) : [];
  if (next.length > 0) return { next };
  if (signedItself) return { end: 'unknown-root', next };
  return { end: issuers.length > 0 && members.length < MAX_MEMBERS ? 'wrong-signature' : 'no-issuer', next };
}

function mayBeIssuedBy(x509: X509, issuer: X509): boolean {
  const { authorityKeyId } = x509.extensions;
  const { subjectKeyId } = issuer.extensions;
  return (
    isSameName(x509.issuerName, issuer.subjectName) &&
    (authorityKeyId === undefined || subjectKeyId === undefined || authorityKeyId === subjectKeyId)
  );
}

function isAmong(x509: X509, members: X509[]): boolean {
  return members.some(({ der }) => der.equals(x509.der));
}

function distinct(all: X509[]): X509[] {
  return [...new Map(all.map(each => [each.fingerprint, each])).values()];
}

/** Each signature is verified once a search. */
class Signatures {
  private readonly known = new Map<X509, Map<X509, boolean>>();
  private left = MAX_SIGNATURES;

  fit(x509: X509, issuer: X509): boolean {
    const ofIssuer = this.known.get(issuer) ?? new Map<X509, boolean>();
    this.known.set(issuer, ofIssuer);
    const known = ofIssuer.get(x509);
    if (known !== undefined) return known;
    if (this.left === 0) return false;
    this.left -= 1;
    const fits = signs(issuer, x509);
    ofIssuer.set(x509, fits);
    return fits;
  }
}

function signs(issuer: X509, x509: X509): boolean {
  try {
    return isSignedBy(x509, issuer.publicKey);
  } catch {
    return false; // a key of an unknown kind signs nothing here
  }
}
