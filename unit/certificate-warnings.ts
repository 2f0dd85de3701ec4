import { daysLeft, expiryStage } from '../certs/expiry.ts';
import type { Problem } from '../schema/error.ts';
import type { HeldCertificate } from './certificate-book.ts';
import type { ServiceTrouble } from './certificate-hosts.ts';

/** What is wrong with a certificate at `now`, or soon will be; `fails`: who shows it does not serve. */
export function certificateProblems(
  held: HeldCertificate,
  now: Date,
): (Problem & { fails: boolean; stage: string })[] {
  const { path, x509, fault, kind, hasKey, selfMade } = held;
  const hint = hintFor(held);
  const problem = (code: string, message: string, fails: boolean, stage: string = code) => [
    { code, path, message, hint, fails, stage },
  ];
  if (x509 === undefined) return problem('certificate-unreadable', fault ?? 'it cannot be read', true);
  const found = [];
  if (kind !== 'intermediate' && !hasKey)
    found.push(...problem('certificate-without-key', 'its private key is missing', true));
  const left = daysLeft(x509, now);
  const stage = expiryStage(left);
  const day = x509.notAfter.toISOString().slice(0, 10);
  if (now < x509.notBefore) {
    const from = x509.notBefore.toISOString().slice(0, 10);
    return [...found, ...problem('certificate-not-yet-valid', `it is valid from ${from} on`, true)];
  }
  if (now >= x509.notAfter)
    return [...found, ...problem('certificate-expired', `it expired on ${day}`, true)];
  // What the unit made itself is made anew before it comes to this.
  if (stage !== undefined && !(selfMade && left > 1))
    found.push(
      ...problem('certificate-expires-soon', `it expires on ${day}, ${within(left)}`, false, `${stage}`),
    );
  return found;
}

function within(days: number): string {
  return days < 1 ? 'within a day' : days === 1 ? 'in 1 day' : `in ${days} days`;
}

function hintFor({ kind, name }: HeldCertificate): string {
  if (kind === 'web') return 'Replace it: lockstep certs add --web FILE… --replace';
  const intermediate = kind === 'intermediate' ? ' --intermediate' : '';
  return `Replace it on the active unit: lockstep certs add ${name} FILE… --replace${intermediate}`;
}

/** A Virtual Service that shows a certificate which does not serve. */
export function serviceProblem(service: string, { name }: HeldCertificate, problem: Problem): Problem {
  return { code: problem.code, path: service, message: `it shows certificate ${name}: ${problem.message}` };
}

/** A Virtual Service whose hosts its certificates are not for. */
export function hostProblem({ path, certificates, hosts }: ServiceTrouble): Problem {
  const shown =
    hosts.length > 3 ? `${hosts.slice(0, 3).join(', ')} and ${hosts.length - 3} more` : hosts.join(', ');
  const which =
    certificates.length === 1
      ? `certificate ${certificates[0]} is`
      : `certificates ${certificates.join(', ')} are`;
  return {
    code: 'certificate-host-names',
    path,
    message: `its ${which} not for ${shown}`,
    hint: 'Give it a certificate for these hosts, or take them out of its allowedHosts.',
  };
}
