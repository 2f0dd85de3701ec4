import type { Manifest } from '../../backup/bundle.ts';
import type { Others, PlannedCertificate } from '../../backup/certificate-plan.ts';
import type { Unserved } from '../changes/unserved.ts';
import type { ChangeAnswer, Safety } from '../contract.ts';

export type { ComparedCertificate, Others, PlannedCertificate } from '../../backup/certificate-plan.ts';

/** What a running unit offers about the restore of certificate bundles. */
export interface CertificateRestoreFace {
  /** Puts selected certificates of an uploaded certificate bundle here, in one commit; none is removed. */
  restoreCertificates(request: RestoreCertificatesRequest): Promise<RestoreCertificatesAnswer>;
}

export interface RestoreCertificatesRequest extends Safety {
  upload: string;
  passphrase: string;
  /** `full`, `vs` or `third`; or names, also as paths: `shop`, `intermediates/shop`. */
  select: string[];
  /**
   * Which one stands where this unit has another certificate of the same name. Not said: a dry run tells of them, and anything
   * else is refused with `certificates-differ`.
   */
  others?: Others;
  author: string;
  reason?: string;
  expected?: number;
  dryRun?: boolean;
}

export interface RestoreCertificatesAnswer extends ChangeAnswer {
  select: string[];
  /** What becomes of each selected one, in the order of their paths. */
  certificates: PlannedCertificate[];
  /** Certificates here that the selection means and the bundle does not hold: they stay. The first 100 of `count`. */
  staying: { paths: string[]; count: number };
  /** Virtual Services that show a certificate whose private key is neither here nor in the bundle. */
  unserved: { services: Unserved[]; count: number };
  bundle: Pick<Manifest, 'createdAt' | 'unit' | 'revision' | 'digest'>;
  /** What was done to the bundle because it comes from another release. */
  steps: string[];
}
