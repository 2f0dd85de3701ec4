import type { CertificateKind } from '../../api/contract/certificates.ts';
import { checkCertificate } from '../../certs/check.ts';
import { type CertificateFault, type CertificateFinding, INFORMATION } from '../../certs/finding.ts';
import { commonNameFindings } from '../../certs/names.ts';
import type { Problem } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { HeldCertificate } from './registry.ts';
import { certificateProblems } from './warnings.ts';

/** What to do about findings that do not say it themselves. */
const HINTS: Partial<Record<CertificateFault, string>> = {
  'chain-incomplete':
    'Clients may not trust it: give its file as well, or add it once for all: lockstep certs add NAME FILE --intermediate',
  'not-for-servers': 'Ask the CA for a certificate for TLS servers (extendedKeyUsage serverAuth).',
  'issuer-not-for-servers': 'Ask for a certificate by a CA that may issue them for TLS servers.',
  'key-may-not-sign': 'Ask the CA for a certificate with the key usage digitalSignature.',
  'name-in-common-name': 'Ask the CA for a certificate with its hosts as subject alternative names.',
};

/** What a check found, as problems of the record at `path`; what nobody has to do anything about is left out. */
export function problemsOf(path: string, findings: CertificateFinding[]): (Problem & { fails: boolean })[] {
  return findings
    .filter(({ code }) => !INFORMATION.has(code))
    .map(({ code, message, fails }) => ({
      code,
      path,
      message,
      fails,
      ...(HINTS[code] === undefined ? {} : { hint: HINTS[code] }),
    }));
}

/** What the day and the key of a certificate tell, then its strength and its chain. */
export function findingsOf(
  held: HeldCertificate,
  { certificate }: JsonObject,
  intermediates: string[],
  now: Date,
): (Problem & { fails: boolean })[] {
  const own = certificateProblems(held, now).map(({ stage: _stage, ...problem }) => problem);
  const known = new Set(own.map(({ code }) => code));
  const found = problemsOf(held.path, [
    ...checkCertificate(
      { certificate: String(certificate) },
      { now, intermediates, allowWeak: true, use: useOf(held.kind) },
    ),
    ...(held.x509 === undefined || held.kind === 'intermediate' ? [] : commonNameFindings(held.x509)),
  ]);
  return [...own, ...found.filter(({ code }) => !known.has(code))];
}

/** What a certificate of this kind is judged as. */
export function useOf(kind: CertificateKind): 'server' | 'intermediate' {
  return kind === 'intermediate' ? 'intermediate' : 'server';
}
