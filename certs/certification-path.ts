/** What is wrong with one way from a certificate to its root: RFC 5280, 6.1, without policies and revocation. */
import type { Way, WayEnd } from './chain.ts';
import { daysLeft, expiryStage, momentText } from './expiry.ts';
import type { CertificateFinding } from './finding.ts';
import { forbiddenName } from './name-constraints.ts';
import { issuerPurposeFindings } from './purpose.ts';
import type { X509 } from './x509.ts';

/** The times of the first member are not looked at. `mustEnd`: a way that ends at no trusted root fails. */
export function wayFindings(way: Way, now: Date, mustEnd: boolean): CertificateFinding[] {
  const { members } = way;
  return [
    ...members.flatMap((x509, index) => criticalFindings(x509, called(x509, index))),
    ...members.slice(1).flatMap((x509, index) => issuerFindings(x509, called(x509, index + 1), now)),
    ...members.slice(1).flatMap((x509, index) => issuerPurposeFindings(x509, called(x509, index + 1))),
    ...lengthFindings(members),
    ...nameFindings(members),
    ...endFindings(way, mustEnd),
  ];
}

/** How messages call a member. */
export function called(x509: X509, index: number): string {
  return index === 0 ? 'it' : `its issuer "${x509.subject}"`;
}

function criticalFindings({ unknownCritical }: X509, who: string): CertificateFinding[] {
  if (unknownCritical.length === 0) return [];
  const message = `${who} has critical extensions that nobody here knows: ${unknownCritical.join(', ')}`;
  return [{ code: 'critical-unknown', message, fails: true }];
}

function issuerFindings(issuer: X509, who: string, now: Date): CertificateFinding[] {
  const found: CertificateFinding[] = [];
  if (!maySignCertificates(issuer))
    found.push({ code: 'issuer-not-ca', message: `${who} may not sign certificates`, fails: true });
  const [from, to] = [issuer.notBefore, issuer.notAfter].map(time => momentText(time, now));
  const stage = expiryStage(daysLeft(issuer, now));
  if (stage === 'expired')
    found.push({ code: 'issuer-expired', message: `${who} expired on ${to}`, fails: true });
  else if (now < issuer.notBefore)
    found.push({
      code: 'issuer-not-yet-valid',
      message: `${who} is valid from ${from} on`,
      fails: true,
      until: issuer.notBefore,
    });
  else if (stage !== undefined)
    found.push({ code: 'issuer-expires-soon', message: `${who} expires on ${to}`, fails: false });
  return found;
}

/** Roots of version 1 are older than the extension that says so. */
function maySignCertificates({ ca, keyUsage, selfIssued, extensions }: X509): boolean {
  if (extensions.version === 1) return selfIssued;
  return ca && (keyUsage === undefined || keyUsage.includes('keyCertSign'));
}

/** A path length counts the CA certificates between, without those that a CA issued to itself. */
function lengthFindings(members: X509[]): CertificateFinding[] {
  let between = 0;
  const found: CertificateFinding[] = [];
  members.forEach((x509, index) => {
    if (index === 0) return;
    if (x509.pathLength !== undefined && between > x509.pathLength) {
      const message = `${called(x509, index)} allows ${x509.pathLength} CA certificates below it, and there are ${between}`;
      found.push({ code: 'path-too-long', message, fails: true });
    }
    if (!x509.selfIssued) between += 1;
  });
  return found;
}

function nameFindings(members: X509[]): CertificateFinding[] {
  return members.flatMap(({ nameConstraints }, index) => {
    if (nameConstraints === undefined || index === 0) return [];
    return members.slice(0, index).flatMap((below, at) => {
      if (at > 0 && below.selfIssued) return [];
      const name = forbiddenName(below, nameConstraints, at === 0);
      if (name === undefined) return [];
      const message = `${called(members[index] as X509, index)} may not speak for ${name}`;
      return [{ code: 'name-forbidden' as const, message, fails: true }];
    });
  });
}

function endFindings({ members, end }: Way, mustEnd: boolean): CertificateFinding[] {
  const last = members.at(-1) as X509;
  const finding = ENDS[end](called(last, members.length - 1), last, members.length === 1 && !last.ca);
  return finding === undefined ? [] : [{ ...finding, fails: finding.fails || mustEnd }];
}

/** Without a list of roots nobody can tell a root that is not included from a missing link, except below the certificate itself. */
const ENDS: Record<WayEnd, (who: string, last: X509, alone: boolean) => CertificateFinding | undefined> = {
  root: () => undefined,
  'unknown-root': who => ({
    code: 'root-unknown',
    message: `${who} is a root that is not trusted here`,
    fails: true,
  }),
  'wrong-signature': (who, { issuer }) => ({
    code: 'signature-wrong',
    message: `${who} was not signed by the certificate at hand that is called "${issuer}"`,
    fails: true,
  }),
  'no-issuer': (who, { issuer }, alone) =>
    alone
      ? {
          code: 'chain-incomplete',
          message: `the certificate "${issuer}" that issued it is missing`,
          fails: false,
        }
      : {
          code: 'root-not-included',
          message: `${who} was issued by "${issuer}", which is not at hand`,
          fails: false,
        },
};
