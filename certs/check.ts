/** What is wrong with a certificate and its key, as far as the two, the intermediates at hand and the time of day tell. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { wayFindings } from './certification-path.ts';
import { type Way, waysUp } from './chain.ts';
import { daysLeft, expiryStage, momentText } from './expiry.ts';
import { type CertificateFinding, INFORMATION } from './finding.ts';
import { issuerPurposeFindings, serverFindings } from './purpose.ts';
import { weaknesses } from './strength.ts';
import { readX509s, type X509 } from './x509.ts';
import { isSameKey } from './x509-key.ts';

export interface CertificateRecord {
  /** PEM; certificates that lead to the root may follow the first one. */
  certificate: string;
  /** PEM, unencrypted. */
  key?: string;
}

export interface CheckOptions {
  now: Date;
  /** Of the unit's store, as PEM; read ones (`readX509s`) where many certificates are checked. */
  intermediates: readonly (string | X509)[];
  /** Given: the chain must end in one of them. */
  roots?: readonly (string | X509)[];
  /** What it is for: a server shows it (the default), or it leads to a root, of others too. */
  use?: 'server' | 'intermediate';
  /** Weak keys and hashes are told of, but do not fail. */
  allowWeak?: boolean;
}

/** Nothing found: it serves. Throws nothing for what it is given. */
export function checkCertificate(record: CertificateRecord, options: CheckOptions): CertificateFinding[] {
  const [leaf, ...others] = readable(record.certificate);
  if (leaf === undefined) return [UNREADABLE];
  return [
    ...timeFindings(leaf, options.now),
    ...purposeFindings(leaf, options.use),
    ...(record.key === undefined ? [] : keyFindings(leaf, record.key)),
    ...chainFindings(leaf, [...others, ...options.intermediates.flatMap(readable)], options),
  ];
}

/** Whether certificate and key can be read and belong together, whatever the day and the chain. */
export function checkKey({ certificate, key }: CertificateRecord): CertificateFinding[] {
  const [leaf] = readable(certificate);
  if (leaf === undefined) return [UNREADABLE];
  return key === undefined ? [] : keyFindings(leaf, key);
}

const UNREADABLE: CertificateFinding = {
  code: 'certificate-unreadable',
  message: 'the certificate cannot be read',
  fails: true,
};

function timeFindings(leaf: X509, now: Date): CertificateFinding[] {
  const stage = expiryStage(daysLeft(leaf, now));
  if (stage === 'expired')
    return [
      {
        code: 'certificate-expired',
        message: `it expired on ${momentText(leaf.notAfter, now)}`,
        fails: true,
      },
    ];
  if (now < leaf.notBefore) {
    const message = `it is valid from ${momentText(leaf.notBefore, now)} on`;
    return [{ code: 'certificate-not-yet-valid', message, fails: true, until: leaf.notBefore }];
  }
  if (stage === undefined) return [];
  return [
    {
      code: 'certificate-expires-soon',
      message: `it expires on ${momentText(leaf.notAfter, now)}`,
      fails: false,
    },
  ];
}

/** An intermediate that is not for servers may be for something else, so that is only told. */
function purposeFindings(leaf: X509, use: CheckOptions['use']): CertificateFinding[] {
  if (use !== 'intermediate') return serverFindings(leaf);
  return issuerPurposeFindings(leaf, 'it').map(asWarning);
}

const asWarning = (finding: CertificateFinding): CertificateFinding => ({ ...finding, fails: false });

function keyFindings(leaf: X509, pem: string): CertificateFinding[] {
  try {
    if (isSameKey(createPublicKey(createPrivateKey(pem)), leaf.publicKey)) return [];
  } catch {
    return [{ code: 'key-unreadable', message: 'its private key cannot be read', fails: true }];
  }
  return [{ code: 'key-unfit', message: 'its private key belongs to another certificate', fails: true }];
}

/** One good way suffices; where there is none, the best is told of. */
function chainFindings(leaf: X509, others: X509[], options: CheckOptions): CertificateFinding[] {
  let best: CertificateFinding[] | undefined;
  for (const way of waysUp(leaf, others, options.roots?.flatMap(readable))) {
    const findings = findingsOf(way, options);
    if (best === undefined || badness(findings) < badness(best)) best = findings;
    if (badness(best) === 0) break;
  }
  return best ?? [];
}

function findingsOf(way: Way, { now, roots, use, allowWeak = false }: CheckOptions): CertificateFinding[] {
  const found = [...weaknesses(way, allowWeak), ...wayFindings(way, now, roots !== undefined)];
  if (use !== 'intermediate') return found;
  return found.map(finding => (finding.code === 'issuer-not-for-servers' ? asWarning(finding) : finding));
}

/** What fails weighs more than any number of warnings. */
function badness(findings: CertificateFinding[]): number {
  const weights = findings.map(({ code, fails }) => (fails ? 1_000 : INFORMATION.has(code) ? 0.1 : 1));
  return weights.reduce((sum, weight) => sum + weight, 0);
}

function readable(source: string | X509): X509[] {
  if (typeof source !== 'string') return [source];
  try {
    return readX509s(source);
  } catch {
    return [];
  }
}
