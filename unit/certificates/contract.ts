import type { Problem } from '../../schema/error.ts';
import type { ChangeAnswer, Safety } from '../contract.ts';

/** What a running unit offers about certificates. Private keys come in; out they go through an export alone. */
export interface CertificateFace {
  /** Reads, checks and commits a certificate with its key and chain; `left`: whoever asked is gone, and the reading ends. */
  addCertificate(request: AddCertificateRequest, left?: AbortSignal): Promise<AddCertificateAnswer>;
  /** Refused with `certificate-in-use` while anything refers to it. */
  removeCertificate(request: RemoveCertificateRequest): Promise<ChangeAnswer>;
  certificates(): Promise<{ certificates: CertificateFacts[] }>;
  certificate(request: CertificateChoice): Promise<CertificateDetails>;
  exportCertificate(request: ExportCertificateRequest): Promise<ExportedCertificate>;
}

/** `certificate`: with a key, for Virtual Services. `web`: of the web interface of this unit. */
export type CertificateKind = 'certificate' | 'intermediate' | 'web';

/** One certificate; without `kind` the one of Virtual Services, or else the intermediate one. */
export interface CertificateChoice {
  /** Not given for `web`, of which there is one. */
  name?: string;
  kind?: CertificateKind;
}

export interface AddCertificateRequest extends CertificateChoice, Safety {
  files: { name: string /** Base64. */; bytes: string }[];
  passphrase?: string;
  /** There is one of this name already, and this one takes its place. */
  replace?: boolean;
  /** Weak keys and hashes are told, but not refused. */
  allowWeak?: boolean;
  author: string;
  reason?: string;
  dryRun?: boolean;
}

export interface AddCertificateAnswer extends ChangeAnswer {
  certificate: CertificateFacts;
  /** What is worth knowing, but does no harm yet. */
  warnings: Problem[];
}

export interface RemoveCertificateRequest extends CertificateChoice, Safety {
  author: string;
  reason?: string;
  dryRun?: boolean;
}

export interface CertificateFacts {
  name: string;
  kind: CertificateKind;
  /** Path of the record. */
  path: string;
  /** Why nothing else is known of it. */
  unreadable?: string;
  subject: string;
  issuer: string;
  /** Host names and addresses that it is for. */
  names: string[];
  notBefore: string;
  notAfter: string;
  /** Whole days until it expires; negative once it has. */
  daysLeft: number;
  /** `RSA 2048`, `EC P-256`. */
  keyType: string;
  hasKey: boolean;
  selfMade: boolean;
  /** SHA-256, `AB:CD:…`. */
  fingerprint: string;
  /** Paths of the records that refer to it, the first 20 of `users`; counted up to 1,000. */
  usedBy: string[];
  users: number;
}

export interface CertificateDetails extends CertificateFacts {
  /** The certificates that follow the first one, as they are kept. */
  chain: { subject: string; issuer: string; notAfter: string; fingerprint: string }[];
  /** What is wrong with it, or soon will be. */
  findings: (Problem & { fails: boolean })[];
}

export interface ExportCertificateRequest extends CertificateChoice {
  /** With the private key: the one answer that ever holds it. */
  withKey?: boolean;
  author: string;
}

export interface ExportedCertificate {
  name: string;
  /** Certificate, chain and, where asked for, key. */
  pem: string;
}
