import {
  type CertificateFault,
  type CertificateFinding,
  checkCertificate,
  INFORMATION,
} from '../certs/check.ts';
import type { Problem } from '../schema/error.ts';
import type { JsonObject } from '../schema/json.ts';
import type { HeldCertificate } from './certificate-book.ts';
import { certificateProblems } from './certificate-warnings.ts';

/** What to do about findings that do not say it themselves. */
const HINTS: Partial<Record<CertificateFault, string>> = {
  'chain-incomplete':
    'Clients may not trust it: give its file as well, or add it once for all: lockstep certs add NAME FILE --intermediate',
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
  const options = { now, intermediates, allowWeak: true };
  const found = problemsOf(held.path, checkCertificate({ certificate: String(certificate) }, options));
  return [...own, ...found.filter(({ code }) => !known.has(code))];
}
