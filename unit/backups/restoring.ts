import type { RestoreAnswer, RestoreRequest } from '../../api/contract/restore.ts';
import type { Bundle } from '../../backup/bundle.ts';
import { assertFits, type Choice, chooseParts } from '../../backup/guards.ts';
import { migrate } from '../../backup/migrate.ts';
import { planRestore, type RestorePlan } from '../../backup/plan.ts';
import { asRestoreRefusal } from '../../backup/refused.ts';
import { pauses } from '../../host/event-loop.ts';
import type { Catalog } from '../../schema/catalog.ts';
import { LockstepError } from '../../schema/error.ts';
import type { Part } from '../../schema/kind.ts';
import type { Store } from '../../store/store.ts';
import type { ChangeAnswers } from '../changes/change-answers.ts';
import { unservedAfter } from '../changes/unserved.ts';
import { changeAnswer } from '../changes/views.ts';
import type { Incoming } from './uploads.ts';

/** Opens an encrypted file; rejects when it is no bundle, is not whole, or the passphrase is another one. */
export type OpenBundle = (
  file: string,
  passphrase: string,
) => Promise<{ bundle: Bundle; close(): Promise<void> }>;

export interface RestoringOptions {
  store: Store;
  catalog: Catalog;
  incoming: Incoming;
  openBundle: OpenBundle;
  answers: Pick<ChangeAnswers, 'to'>;
  /** Id of this unit, and who its partner is. */
  unitId: string;
  partner(): { name: string; unitId: string; seen: boolean } | undefined;
  /** Whether somebody answers on the port of the units there, who is not this unit. */
  answersAt(address: string): Promise<boolean>;
}

/** Restores bundles that were uploaded: plans, refuses, and makes one commit of it. */
export class Restoring {
  private readonly options: RestoringOptions;

  constructor(options: RestoringOptions) {
    this.options = options;
  }

  /**
   * The plan; without `dryRun` it is made too, as one revision, and the upload goes. Throws what assertFits, planRestore and
   * asRestoreRefusal name, `no-such-upload`, `conflict`, and what a commit throws. Nothing is changed then.
   */
  async restore(request: RestoreRequest): Promise<RestoreAnswer> {
    const { incoming, openBundle } = this.options;
    const { upload, passphrase, dryRun = false } = request;
    const { bundle, close } = await openBundle(await incoming.find(upload), passphrase);
    try {
      const answer = await this.restoreFrom(bundle, request);
      if (!dryRun) await incoming.drop(upload);
      return answer;
    } finally {
      await close();
    }
  }

  private async restoreFrom(given: Bundle, request: RestoreRequest): Promise<RestoreAnswer> {
    const { store, catalog } = this.options;
    const { author, expected, dryRun = false } = request;
    const { bundle, steps } = migrate(given);
    const choice: Choice = {
      parts: chooseParts(bundle.manifest, request.parts),
      as: request.as ?? 'this-unit',
    };
    assertMayRestore(bundle.manifest, choice, {
      ...this.options,
      partner: this.options.partner(),
      isStandby: store.head.role === 'standby',
    });
    const { plan, revision } = await this.plan(bundle, choice);
    const { manifest } = bundle;
    const reason =
      request.reason ??
      `restore ${choice.parts.join(', ')} of ${manifest.unit.name}, bundle of ${manifest.createdAt}`;
    const result = await store
      .commit({
        changes: plan.changes,
        kind: 'restore',
        unconfirmed: true,
        author,
        reason,
        dryRun,
        expected: expected ?? revision,
      })
      .catch(error => {
        throw asRestoreRefusal(catalog, error);
      });
    const answer = await this.options.answers.to(result, dryRun);
    return {
      ...answer,
      changes: answer.changes.map(view => ({ ...view, part: catalog.kindOf(view.path).part })),
      parts: await countsByPart(catalog, result.changes, choice.parts),
      as: choice.as,
      bundle: {
        createdAt: manifest.createdAt,
        unit: manifest.unit,
        revision: manifest.revision,
        digest: manifest.digest,
      },
      kept: { paths: plan.kept, count: plan.keptCount },
      missingKeys: plan.missingKeys,
      unserved: await unservedAfter(store, catalog, result.changes),
      steps: [...steps, ...differingKinds(plan)],
      notes:
        result.changes.length === 0
          ? []
          : [...this.notes(choice), ...(await this.livingNotes(choice, manifest, plan))],
    };
  }

  /** A plan belongs to one revision: of another one, the commit is refused with `conflict`. */
  private async plan(bundle: Bundle, choice: Choice): Promise<{ plan: RestorePlan; revision: number }> {
    const { store, catalog } = this.options;
    const snapshot = await store.snapshot();
    try {
      const haMode = (await snapshot.split('ha')).unit?.mode;
      assertFits(bundle.manifest, choice, { haMode: typeof haMode === 'string' ? haMode : undefined });
      return {
        plan: await planRestore(catalog, bundle, snapshot, choice),
        revision: snapshot.head.revision,
      };
    } finally {
      snapshot.close();
    }
  }

  /** Two units at one address harm both. Who answers there is not known, so a person is told. */
  private async livingNotes(
    { as, parts }: Choice,
    { unit }: Bundle['manifest'],
    { changes }: RestorePlan,
  ): Promise<string[]> {
    if (as !== 'the-old-unit' || !parts.includes('base') || unit.id === this.options.unitId) return [];
    const addresses = changes.flatMap(change =>
      change.op === 'put' && change.path.startsWith('interfaces/') && typeof change.value.address === 'string'
        ? [change.value.address]
        : [],
    );
    const answers = await Promise.all(addresses.map(address => this.options.answersAt(address)));
    return addresses
      .filter((_address, index) => answers[index])
      .map(
        address =>
          `${unit.name} may still be on: somebody answers at ${address}. Two units at one address harm both: switch ${unit.name} off first.`,
      );
  }

  private notes({ as, parts }: Choice): string[] {
    const { store, partner } = this.options;
    const notes: string[] = [];
    if (store.head.role === 'standby')
      notes.push('This unit is standby: the next update of the active unit replaces what is shared.');
    else if (partner() !== undefined)
      notes.push('The partner keeps what it has until lockstep confirm-source is typed here.');
    if (as === 'the-old-unit' && parts.includes('base'))
      notes.push(
        "Addresses, host name, HA mode, licence and the password of bal become those of the bundle's unit.",
      );
    return notes;
  }
}

/** A unit that is not told to be at the address of another one must not be there. */
export function assertMayRestore(
  { unit }: Pick<Bundle['manifest'], 'unit'>,
  { as, parts }: Choice,
  {
    unitId,
    partner,
    isStandby,
  }: { unitId: string; partner: ReturnType<RestoringOptions['partner']>; isStandby: boolean },
): void {
  if (partner === undefined) return;
  if (as === 'the-old-unit' && parts.includes('base') && unit.id !== unitId) {
    const who =
      unit.id === partner.unitId
        ? `${unit.name} is the partner of this unit${partner.seen ? ', and it is alive' : ''}`
        : `This unit is paired with ${partner.name}, and cannot become ${unit.name}, which is another unit`;
    throw new LockstepError('restore-old-unit', `${who}. Nothing was changed.`, {
      hint: `A unit that replaces ${unit.name} belongs to no pair yet: restore the bundle on that one. Here, lockstep restore --as-this-unit keeps what belongs to this unit.`,
      facts: { unit: unit.name, partner: partner.name, seen: partner.seen },
    });
  }
  if (isStandby)
    throw new LockstepError(
      'not-active',
      'This unit is standby: what is restored here is replaced by the next update of the active unit.',
      { hint: 'Restore it on the active unit, or make this unit active with lockstep takeover.' },
    );
}

function differingKinds({ differing }: RestorePlan): string[] {
  return differing.map(
    ({ kind, records }) =>
      `kind ${kind} is described differently here: its records (${records}) are checked against the schema of this unit`,
  );
}

type Changes = Parameters<typeof changeAnswer>[1]['changes'];

async function countsByPart(
  catalog: Catalog,
  changes: Changes,
  parts: readonly Part[],
): Promise<RestoreAnswer['parts']> {
  const ofPart = new Map<Part, Changes>(parts.map(part => [part, []]));
  const rest = pauses();
  for (const change of changes) {
    const pause = rest();
    if (pause !== undefined) await pause;
    ofPart.get(catalog.kindOf(change.path).part)?.push(change);
  }
  const counts = [];
  for (const [part, own] of ofPart) {
    await rest();
    counts.push({ part, ...changeAnswer(catalog, { revision: 0, digest: '', changes: own }, true).counts });
  }
  return counts;
}
