import type { CertificateChoice, CertificateKind } from '../../api/contract/certificates.ts';
import { LockstepError } from '../../schema/error.ts';
import { badName } from './refusals.ts';
import { WEB_CERTIFICATE } from './registry.ts';

/** Where the certificate is kept. Throws `bad-id`, `bad-usage`. */
export function certificatePath({ name, kind }: CertificateChoice & { kind: CertificateKind }): string {
  if (kind === 'web') return WEB_CERTIFICATE;
  if (name === undefined) throw new LockstepError('bad-usage', 'Which certificate? Its name is missing.');
  if (!isName(name)) throw badName(name);
  return `${kind === 'intermediate' ? 'intermediates' : 'certificates'}/${name}`;
}

function isName(name: string): boolean {
  return /^[A-Za-z0-9._-]{1,251}$/.test(name) && name !== '.' && name !== '..';
}
