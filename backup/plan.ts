import { pauses } from '../host/event-loop.ts';
import type { Catalog } from '../schema/catalog.ts';
import { LockstepError, type Problem } from '../schema/error.ts';
import { isSameJson, type JsonObject } from '../schema/json.ts';
import type { Kind } from '../schema/kind.ts';
import { parentPath } from '../schema/path.ts';
import { joinRecord, type SplitRecord, splitRecord } from '../schema/record.ts';
import type { Change } from '../store/transition.ts';
import type { Bundle, BundleRecord, KeyLeftOut } from './bundle.ts';
import { isMadeAnew, withKeysOf } from './certificate-keys.ts';
import type { Choice } from './guards.ts';
import { espRefused, misplaced, named, orphaned, unknownKinds } from './plan-refusals.ts';

/** What stands on the unit that is restored on, at one revision. */
export interface Here {
  /** Of the records at and below `path`. */
  paths(path: string): AsyncIterable<string>;
  /** Halves of a record, also one that sleeps; both undefined where there is none. */
  split(path: string): Promise<SplitRecord>;
}

export interface RestorePlan {
  /** One commit of these makes the chosen parts what the bundle says. */
  changes: Change[];
  /** Records of which this unit keeps its own half although the bundle says something else; the first 100 of `keptCount`. */
  kept: string[];
  keptCount: number;
  /** Certificates whose private key is neither in the bundle nor here. */
  missingKeys: KeyLeftOut[];
  /** Kinds that the unit of the bundle described differently, with the records that were checked anew. */
  differing: { kind: string; records: number }[];
}

/** Paths that a plan or a refusal lists. */
const MAX_NAMED = 100;

/**
 * What it takes to make the chosen parts exactly what the bundle says: only what differs, so the size of a plan is
 * that of the difference. Throws `restore-unknown-kind`, `restore-esp`, `restore-dangling`.
 */
export async function planRestore(
  catalog: Catalog,
  bundle: Bundle,
  here: Here,
  choice: Choice,
): Promise<RestorePlan> {
  const planning = new Planning(catalog, bundle, here, choice);
  const rest = pauses();
  for await (const record of bundle.records(choice.parts)) {
    const pause = rest();
    if (pause !== undefined) await pause;
    await planning.take(record);
  }
  planning.assertKnown();
  await planning.assertLicensed();
  await planning.removeOthers(rest);
  return planning.plan();
}

class Planning {
  private readonly catalog: Catalog;
  private readonly bundle: Bundle;
  private readonly here: Here;
  private readonly choice: Choice;
  private readonly seen = new Set<string>();
  private readonly written: Change[] = [];
  private readonly removed = new Set<string>();
  private readonly kept = named(MAX_NAMED);
  private readonly unknown = named(MAX_NAMED);
  private readonly esp = named(MAX_NAMED);
  private readonly missingKeys: KeyLeftOut[] = [];
  private readonly differing = new Map<string, number>();
  private readonly keysLeftOut: Map<string, KeyLeftOut>;
  private licence: JsonObject | undefined;

  constructor(catalog: Catalog, bundle: Bundle, here: Here, choice: Choice) {
    this.keysLeftOut = new Map((bundle.manifest.keysLeftOut ?? []).map(key => [key.path, key]));
    this.catalog = catalog;
    this.bundle = bundle;
    this.here = here;
    this.choice = choice;
  }

  /** One record of the bundle. */
  async take({ path, value }: BundleRecord): Promise<void> {
    const kind = this.kindAt(path);
    if (kind === undefined) return this.unknown.add(path);
    if (!this.choice.parts.includes(kind.part)) throw misplaced(path, kind.part);
    if (this.bundle.manifest.kinds[kind.name] !== this.catalog.kindDigests[kind.name])
      this.differing.set(kind.name, (this.differing.get(kind.name) ?? 0) + 1);
    this.seen.add(path);
    if (kind.name === 'licence') this.licence = value;
    if (value.espEnabled === true) this.esp.add(path);
    const before = await this.here.split(path);
    const given = splitRecord(kind, this.withKeys(kind, path, value, before));
    const { pair } = given;
    const unit = this.keepsOwn ? before.unit : given.unit;
    if (this.keepsOwn && !isSameJson(given.unit, before.unit)) this.kept.add(path);
    if (!isSameJson(pair, before.pair) || !isSameJson(unit, before.unit))
      this.written.push(...toChanges(path, before, { pair, unit }));
  }

  assertKnown(): void {
    if (this.unknown.count > 0) throw unknownKinds(this.unknown, this.bundle.manifest);
  }

  /** A unit that says nothing of its licence is not asked for one. */
  async assertLicensed(): Promise<void> {
    if (this.esp.count === 0) return;
    const takesLicence = !this.keepsOwn && this.choice.parts.includes('base');
    const licence = takesLicence ? this.licence : (await this.here.split('licence')).unit;
    if (licence !== undefined && licence.esp !== true) throw espRefused(this.esp);
  }

  /** What is here, in the chosen parts, and not in the bundle goes. */
  async removeOthers(rest: () => Promise<void> | undefined): Promise<void> {
    const alone: Problem[] = [];
    for (const place of this.places()) {
      for await (const path of this.here.paths(place)) {
        const pause = rest();
        if (pause !== undefined) await pause;
        const kind = this.catalog.kindOf(path);
        if (!this.choice.parts.includes(kind.part)) {
          const parent = parentPath(kind, path);
          if (parent !== undefined && this.removed.has(parent)) alone.push(orphaned(path, parent, kind));
        } else if (!this.seen.has(path) && !(this.keepsOwn && kind.scope === 'unit')) this.removed.add(path);
      }
    }
    if (alone.length > 0)
      throw new LockstepError(
        'restore-dangling',
        `${alone[0]?.path}: ${alone[0]?.message}. Nothing was changed.`,
        {
          hint: alone[0]?.hint,
          facts: { problems: alone.slice(0, MAX_NAMED), count: alone.length },
        },
      );
  }

  plan(): RestorePlan {
    // A parent takes what is below it along, and what comes back is written after it went.
    const gone: Change[] = [...this.removed].map(path => ({ op: 'remove', path }));
    return {
      changes: [...gone, ...this.written],
      kept: this.kept.paths,
      keptCount: this.kept.count,
      missingKeys: this.missingKeys,
      differing: [...this.differing].map(([kind, records]) => ({ kind, records })),
    };
  }

  private get keepsOwn(): boolean {
    return this.choice.as === 'this-unit';
  }

  private kindAt(path: string): Kind | undefined {
    try {
      return this.catalog.kindOf(path);
    } catch (error) {
      if (error instanceof LockstepError && (error.code === 'unknown-path' || error.code === 'bad-id'))
        return undefined;
      throw error;
    }
  }

  /** A private key that was left out of the bundle: the one that is here stays where the certificate is the same one. */
  private withKeys(kind: Kind, path: string, given: JsonObject, before: SplitRecord): JsonObject {
    const leftOut = this.keysLeftOut.get(path);
    const anew = isMadeAnew(kind);
    if (leftOut === undefined && !(anew && given.key === undefined)) return given;
    const complete = withKeysOf(kind, joinRecord(kind, before), given);
    const stays = this.keepsOwn && kind.scope === 'unit';
    if (complete === given && leftOut !== undefined && !anew && !stays) this.missingKeys.push(leftOut);
    return complete;
  }

  private places(): Set<string> {
    const chosen = this.catalog.kinds.filter(({ part }) => this.choice.parts.includes(part));
    return new Set(chosen.map(({ template }) => template[0] as string));
  }
}

/** A put keeps a half of the unit that it does not name; where it has to go, its fields are unset. */
function toChanges(path: string, before: SplitRecord, { pair, unit }: SplitRecord): Change[] {
  const put: Change = { op: 'put', path, value: { ...pair, ...unit } };
  const stale = unit === undefined ? Object.keys(before.unit ?? {}) : [];
  return [put, ...stale.map(field => ({ op: 'unset' as const, path, field: [field] }))];
}
