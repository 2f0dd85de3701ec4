/** The way from a certificate to its root. */

import type { X509 } from './x509.ts';
import { isSameName } from './x509-name.ts';
import { isSignedBy } from './x509-signature.ts';

/** Longer chains are not looked for; public ones have four members at most. */
export const MOST_MEMBERS = 10;

/** Whether the names, the key ids and the signature all say that `issuer` made `x509`. */
export function isIssuedBy(x509: X509, issuer: X509): boolean {
  return mayBeIssuedBy(x509, issuer) && isSignedBy(x509, issuer.publicKey);
}

export function mayBeIssuedBy(x509: X509, issuer: X509): boolean {
  const { authorityKeyId } = x509.extensions;
  const { subjectKeyId } = issuer.extensions;
  return (
    isSameName(x509.issuerName, issuer.subjectName) &&
    (authorityKeyId === undefined || subjectKeyId === undefined || authorityKeyId === subjectKeyId)
  );
}

/** Leaf first, each followed by the one that issued it, as far as `others` lead. */
export function orderChain(leaf: X509, others: readonly X509[]): X509[] {
  const chain = [leaf];
  for (let last = leaf; chain.length < MOST_MEMBERS && !last.selfIssued; ) {
    const next = others.find(each => !chain.includes(each) && isIssuedBy(last, each));
    if (next === undefined) break;
    chain.push(next);
    last = next;
  }
  return chain;
}
