import { randomBytes } from 'node:crypto';
import type { AuditRequest, AuditTarget } from '../../api/contract/audits.ts';
import type { Status } from '../../api/contract/status.ts';
import { compare } from '../../audit/compare.ts';
import type { Opening, Question, Side } from '../../audit/facts.ts';
import { readQuestion } from '../../audit/question.ts';
import { recheck } from '../../audit/recheck.ts';
import { type AuditReport, makeReport } from '../../audit/report.ts';
import { type SideFacts, SnapshotSide } from '../../audit/snapshot-side.ts';
import type { Bundle } from '../../backup/bundle.ts';
import { chooseParts } from '../../backup/guards.ts';
import { migrate } from '../../backup/migrate.ts';
import { planRestore } from '../../backup/plan.ts';
import { elapsedMs } from '../../host/stopwatch.ts';
import type { Catalog } from '../../schema/catalog.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { StoreSnapshot } from '../../store/snapshot.ts';
import type { Store } from '../../store/store.ts';
import type { OpenBundle } from '../backups/restoring.ts';
import type { Incoming } from '../backups/uploads.ts';
import type { Health } from '../store-care/health.ts';

export interface AuditorOptions {
  store: Store;
  catalog: Catalog;
  health: Health;
  incoming: Incoming;
  openBundle: OpenBundle;
  /** What this unit calls itself now. */
  self(): { name: string; unitId: string; pairId: string; release: string };
  troubles(): Status['files'];
  /** Asks the partner. Throws `not-paired`, `partner-unreachable`. */
  askPartner(question: JsonObject): Promise<JsonObject>;
  now(): Date;
}

/** A configuration that changes under the audit is looked at again, so often at most. */
const MAX_ATTEMPTS = 3;

/** Compares states of the configuration, and answers the questions of others about this one. */
export class Auditor {
  private readonly options: AuditorOptions;

  constructor(options: AuditorOptions) {
    this.options = options;
  }

  /** Throws what the method audit of the API names. */
  async audit({ a, b, all = false }: AuditRequest): Promise<AuditReport> {
    const started = performance.now();
    for (let attempt = 1; ; attempt++) {
      const report = await this.attempt(a, b, { all, started, isLast: attempt === MAX_ATTEMPTS });
      if (report !== undefined) return dropUploads(report, this.options.incoming, a, b);
    }
  }

  /** Throws `bad-message`. */
  async answer(question: JsonObject): Promise<JsonObject> {
    const asked = readQuestion(question);
    return this.withSides([{ of: 'local' }], async ([side]) => (await side?.ask(asked as never)) as never);
  }

  /** undefined: something moved meanwhile, and there is time to look again. */
  private attempt(
    a: AuditTarget,
    b: AuditTarget,
    { all, started, isLast }: { all: boolean; started: number; isLast: boolean },
  ): Promise<AuditReport | undefined> {
    const { store, catalog, now } = this.options;
    return this.withSides([a, b], async sides => {
      const [one, other] = sides as [Side, Side];
      const options = { catalog, nonce: randomBytes(32).toString('hex'), all };
      let found = await compare(one, other, options);
      // What was committed or taken meanwhile may be on one side of the comparison only.
      const moved = [a, b].some(
        ({ of }, index) => of === 'local' && found[index === 0 ? 'a' : 'b'].revision !== store.head.revision,
      );
      const withPartner = a.of === 'partner' || b.of === 'partner';
      const settled = found.settled && !(moved && withPartner);
      // A partner that keeps moving was looked at again already.
      if (!settled && found.settled && !isLast) return undefined;
      if (!settled) found = await recheck({ ...found, settled }, one, other, options);
      return makeReport(found, now().toISOString(), elapsedMs(started, performance.now()));
    });
  }

  /** Opens what is named, and closes it whatever becomes of `look`. */
  private async withSides<Result>(
    targets: AuditTarget[],
    look: (sides: Side[]) => Promise<Result>,
  ): Promise<Result> {
    const closers: (() => unknown)[] = [];
    try {
      const sides: Side[] = [];
      for (const target of targets) sides.push(await this.open(target, closers));
      return await look(sides);
    } finally {
      for (const close of closers.reverse()) await close();
    }
  }

  private async open(target: AuditTarget, closers: (() => unknown)[]): Promise<Side> {
    const { store, askPartner } = this.options;
    if (target.of === 'partner') {
      return { ask: (question: Question) => askPartner(question as never) as Promise<never> };
    }
    if (target.of === 'bundle') return this.openBundle(target, closers);
    if (target.of === 'revision') await store.diff(target.revision, target.revision); // is there such a one?
    const snapshot = await store.snapshot();
    closers.push(() => snapshot.close());
    if (target.of === 'local') {
      const now: Side = { ask: (question: Question) => this.answer(question as never) as Promise<never> };
      return Object.assign(this.side(snapshot, this.localFacts()), { now });
    }
    const past = await snapshot.past(target.revision);
    const { name, unitId, release } = this.options.self();
    return this.side(past, { ...this.bare(), is: 'revision', name, unitId, release });
  }

  private async openBundle(
    { upload, passphrase, name }: Extract<AuditTarget, { of: 'bundle' }>,
    closers: (() => unknown)[],
  ): Promise<Side> {
    const { incoming, openBundle, catalog, store } = this.options;
    const { bundle: given, close } = await openBundle(await incoming.find(upload), passphrase);
    closers.push(close);
    const { bundle } = migrate(given);
    const snapshot = await store.snapshot();
    closers.push(() => snapshot.close());
    const choice = { parts: chooseParts(bundle.manifest, undefined), as: 'the-old-unit' as const };
    // What a restore would change is what differs: private keys and parts that are not in the bundle do not.
    const { changes } = await planRestore(catalog, bundle, snapshot, choice);
    const held = await snapshot.with(changes);
    return atRevisionOf(bundle, this.side(held, { ...this.bare(), ...bundleFacts(bundle, name) }));
  }

  private side(snapshot: StoreSnapshot, facts: SideFacts): Side {
    return new SnapshotSide(snapshot, this.options.catalog, facts);
  }

  private bare(): Pick<SideFacts, 'schemaDigest' | 'kinds' | 'damage' | 'damaged' | 'mirror'> {
    const { digest, kindDigests } = this.options.catalog;
    return { schemaDigest: digest, kinds: kindDigests, damage: [], damaged: 0, mirror: [] };
  }

  private localFacts(): SideFacts {
    const { health, self, troubles } = this.options;
    const { findings = [], more = 0 } = health.damage ?? {};
    return {
      ...this.bare(),
      is: 'unit',
      ...self(),
      damage: findings,
      damaged: findings.length + more,
      mirror: troubles().map(({ file, path, reason }) => ({ file, path, reason })),
    };
  }
}

function bundleFacts(
  { manifest }: Bundle,
  name: string,
): Pick<SideFacts, 'is' | 'name' | 'unitId' | 'release' | 'schemaDigest' | 'kinds'> {
  const { unit, schemaDigest, kinds } = manifest;
  return { is: 'bundle', name, unitId: '', release: unit.release, schemaDigest, kinds };
}

/** A bundle says itself of which revision and epoch it is. */
function atRevisionOf({ manifest }: Bundle, side: Side): Side {
  const { revision, epoch } = manifest;
  const ask = async (question: Question): Promise<unknown> => {
    const answer = (await side.ask(question as never)) as object;
    return { ...answer, revision, ...(question.ask === 'open' ? { epoch } : {}) } as Partial<Opening>;
  };
  return { ask: ask as Side['ask'] };
}

async function dropUploads(
  report: AuditReport,
  incoming: Incoming,
  ...targets: AuditTarget[]
): Promise<AuditReport> {
  for (const target of targets) if (target.of === 'bundle') await incoming.drop(target.upload);
  return report;
}
