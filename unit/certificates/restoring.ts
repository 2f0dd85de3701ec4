import type { RestoreCertificatesAnswer, RestoreCertificatesRequest } from '../../api/contract/restore.ts';
import type { Bundle } from '../../backup/bundle.ts';
import { type CertificatePlan, planCertificates } from '../../backup/certificate-plan.ts';
import { certificatesDiffer } from '../../backup/certificate-refusals.ts';
import { migrate } from '../../backup/migrate.ts';
import { asRestoreRefusal } from '../../backup/refused.ts';
import { readSelection, type Selection } from '../../backup/selection.ts';
import type { Catalog } from '../../schema/catalog.ts';
import type { Store } from '../../store/store.ts';
import type { OpenBundle } from '../backups/restoring.ts';
import type { Incoming } from '../backups/uploads.ts';
import type { ChangeAnswers } from '../changes/change-answers.ts';
import type { Committing } from '../changes/committing.ts';
import { unservedAfter } from '../changes/unserved.ts';
import { certificateFault } from './fault.ts';
import { newerHere } from './newer.ts';

const MAX_WORDS = 3;

export interface CertificateRestoringOptions {
  store: Store;
  catalog: Catalog;
  incoming: Incoming;
  openBundle: OpenBundle;
  committing: Pick<Committing, 'make'>;
  answers: Pick<ChangeAnswers, 'to'>;
  now(): Date;
}

/** Restores certificate bundles that were uploaded: plans, refuses, and makes one commit of it. */
export class CertificateRestoring {
  private readonly options: CertificateRestoringOptions;

  constructor(options: CertificateRestoringOptions) {
    this.options = options;
  }

  /**
   * The plan; without `dryRun` it is made too, as one revision, and the upload goes. Throws what planCertificates and
   * asRestoreRefusal name, `bad-usage`, `certificates-differ`, `no-such-upload`, `conflict`, and what a commit throws. Nothing is changed then.
   */
  async restore(request: RestoreCertificatesRequest): Promise<RestoreCertificatesAnswer> {
    const { incoming, openBundle } = this.options;
    const { upload, passphrase, dryRun = false } = request;
    const select = readSelection(request.select);
    const { bundle, close } = await openBundle(await incoming.find(upload), passphrase);
    try {
      const answer = await this.restoreFrom(bundle, select, request);
      if (!dryRun) await incoming.drop(upload);
      return answer;
    } finally {
      await close();
    }
  }

  private async restoreFrom(
    given: Bundle,
    select: Selection,
    request: RestoreCertificatesRequest,
  ): Promise<RestoreCertificatesAnswer> {
    const { store, catalog, committing, now } = this.options;
    const { author, others, reason, dryRun = false } = request;
    const { bundle, steps } = migrate(given);
    const { manifest } = bundle;
    const snapshot = await store.snapshot();
    const revision = snapshot.head.revision;
    const choice = { select, others };
    const newerOf = newerHere(snapshot, new Date(manifest.createdAt), now());
    const judges = { faultOf: certificateFault, newerOf };
    const plan = await planCertificates(catalog, bundle, snapshot, choice, judges).finally(() =>
      snapshot.close(),
    );
    if (!dryRun) assertDecided(plan);
    const what = `restore certificates (${inShort(select.words)}) of ${manifest.unit.name}, bundle of ${manifest.createdAt}`;
    // Not `unconfirmed`: what goes to the partner is what the plan named, as if each had been added by hand.
    const careful = { ...request, expected: request.expected ?? revision };
    const { result, ...more } = await committing.make(careful, how =>
      store
        .commit({ changes: plan.changes, kind: 'restore', author, reason: reason ?? what, ...how })
        .catch(error => Promise.reject(asRestoreRefusal(catalog, error))),
    );
    return {
      ...(await this.options.answers.to(result, dryRun)),
      ...more,
      select: [...select.words],
      certificates: plan.certificates,
      staying: plan.staying,
      unserved: await unservedAfter(store, catalog, result.changes),
      bundle: {
        createdAt: manifest.createdAt,
        unit: manifest.unit,
        revision: manifest.revision,
        digest: manifest.digest,
      },
      steps,
    };
  }
}

/** The reason of a revision stays a line, however many names were given. */
function inShort(words: readonly string[]): string {
  const shown = words.slice(0, MAX_WORDS).join(', ');
  return words.length > MAX_WORDS ? `${shown} and ${words.length - MAX_WORDS} more` : shown;
}

function assertDecided({ certificates }: CertificatePlan): void {
  const undecided = certificates.filter(({ action }) => action === 'undecided');
  if (undecided.length > 0) throw certificatesDiffer(undecided);
}
