/** What a check finds in a certificate. */
export type CertificateFault =
  | 'certificate-unreadable'
  | 'certificate-expired'
  | 'certificate-not-yet-valid'
  | 'certificate-expires-soon'
  | 'key-unreadable'
  | 'key-unfit'
  | 'key-unsupported'
  | 'weak-key'
  | 'weak-signature'
  | 'critical-unknown'
  | 'issuer-expired'
  | 'issuer-not-yet-valid'
  | 'issuer-expires-soon'
  | 'issuer-not-ca'
  | 'not-for-servers'
  | 'issuer-not-for-servers'
  | 'key-may-not-sign'
  | 'name-in-common-name'
  | 'path-too-long'
  | 'name-forbidden'
  | 'signature-wrong'
  | 'chain-incomplete'
  | 'root-unknown'
  | 'root-not-included';

export interface CertificateFinding {
  code: CertificateFault;
  /** A sentence without its end; "it" is the certificate. */
  message: string;
  /** False: it serves, today. */
  fails: boolean;
  /** Time alone mends it: from then on it is found no more. */
  until?: Date;
}

/** Findings that nobody has to do anything about. */
export const INFORMATION: ReadonlySet<CertificateFault> = new Set(['root-not-included']);
