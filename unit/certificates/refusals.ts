import type { CertificateChoice } from '../../api/contract/certificates.ts';
import type { CertificateFinding } from '../../certs/finding.ts';
import { LockstepError, type Problem } from '../../schema/error.ts';
import { problemsOf } from './findings.ts';

const MAX_NAMED = 20;
const MAX_SHOWN = 60;

/** Warnings, where nothing fails. Throws `certificate-refused`. */
export function judged(path: string, findings: CertificateFinding[]): Problem[] {
  const problems = problemsOf(path, findings);
  const plain = ({ fails: _fails, ...problem }: (typeof problems)[number]): Problem => problem;
  const failing = problems.filter(({ fails }) => fails);
  if (failing.length > 0) throw refused(path, failing.map(plain), endOf(findings));
  return problems.map(plain);
}

/** When time alone will have mended everything that fails; undefined: never. */
function endOf(findings: CertificateFinding[]): Date | undefined {
  const times = findings.filter(({ fails }) => fails).map(({ until }) => until?.getTime());
  if (times.length === 0 || times.includes(undefined)) return undefined;
  return new Date(Math.max(...(times as number[])));
}

export function refused(path: string, problems: Problem[], until?: Date): LockstepError {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const isWeak = problems.every(({ code }) => code.startsWith('weak-'));
  const hint = isWeak ? 'Make a stronger one; --allow-weak keeps this one all the same.' : first?.hint;
  return new LockstepError('certificate-refused', `${path}: ${first?.message.replace(/\.$/, '')}${more}.`, {
    hint,
    facts: { problems, count: problems.length, ...(until && { until: until.toISOString() }) },
  });
}

export function badName(name: string): LockstepError {
  const shown = name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name;
  return new LockstepError('bad-id', `${JSON.stringify(shown)} is no name that a certificate can have.`, {
    hint: 'A name is 1 to 251 letters, digits, dots, underscores and hyphens. For example: shop, www.site.example',
    facts: { name: shown },
  });
}

export function exists(path: string): LockstepError {
  return new LockstepError('certificate-exists', `There is a ${path} already.`, {
    hint: 'Add --replace to put this one in its place.',
    facts: { path },
  });
}

export function noSuchCertificate({ name = '', kind }: CertificateChoice, hint: string): LockstepError {
  const what = kind === 'intermediate' ? 'intermediate certificate' : 'certificate';
  return new LockstepError('no-such-certificate', `There is no ${what} ${name}.`, { hint, facts: { name } });
}

export function older(path: string, why: string): LockstepError {
  return new LockstepError('certificate-older', `${path} stays: ${why}.`, {
    hint: 'lockstep certs add with --replace puts it back all the same.',
    facts: { path },
  });
}

export function inUse(path: string, users: string[]): LockstepError {
  const shown = users.slice(0, MAX_NAMED);
  const more = users.length > shown.length ? ` and ${users.length - shown.length} more` : '';
  return new LockstepError('certificate-in-use', `${path} is used by ${shown.join(', ')}${more}.`, {
    hint: 'Give them another certificate first.',
    facts: { users: shown, count: users.length },
  });
}
