import { daysLeft, expiryStage, momentText } from '../../certs/expiry.ts';
import type { Problem } from '../../schema/error.ts';
import type { ServiceTrouble } from './hosts.ts';
import type { HeldCertificate } from './registry.ts';

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
  const day = momentText(x509.notAfter, now);
  if (now < x509.notBefore) {
    const from = momentText(x509.notBefore, now);
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
  const { code, message, hint } = problem;
  return { code, path: service, message: `it shows certificate ${name}: ${message}`, ...(hint && { hint }) };
}

/** A Virtual Service with hosts whose clients would refuse its certificates. */
export function hostProblems({ path, certificates, hosts, byCommonName }: ServiceTrouble): Problem[] {
  const [one] = certificates;
  const alone = certificates.length === 1;
  const which = alone ? `certificate ${one}` : `certificates ${certificates.join(', ')}`;
  const problems: Problem[] = [];
  if (hosts.length > 0)
    problems.push({
      code: 'certificate-host-names',
      path,
      message: `its ${which} ${alone ? 'is' : 'are'} not for ${few(hosts)}`,
      hint: 'Give it a certificate for these hosts, or take them out of its allowedHosts.',
    });
  if (byCommonName.length > 0)
    problems.push({
      code: 'certificate-common-name',
      path,
      message: `its ${which} ${alone ? 'names' : 'name'} ${few(byCommonName)} as common name only, which clients do not look at`,
      hint: 'Ask the CA for a certificate with these hosts as subject alternative names.',
    });
  return problems;
}

function few(hosts: string[]): string {
  return hosts.length > 3 ? `${hosts.slice(0, 3).join(', ')} and ${hosts.length - 3} more` : hosts.join(', ');
}
