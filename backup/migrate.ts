import { LockstepError } from '../schema/error.ts';
import { type Bundle, type BundleRecord, FORMAT, type Manifest } from './bundle.ts';

/** What lies between one format and the next. */
export interface Migration {
  /** The format that it reads; it gives `from + 1`. */
  from: number;
  /** For the operator: what it does, in one sentence. */
  what: string;
  manifest(manifest: Manifest): Manifest;
  /** One record becomes one, none or several. */
  record(record: BundleRecord): BundleRecord[];
}

/**
 * Every step from an older format to this one, each with a kept bundle under test/golden that proves it. Empty: there
 * was no format before 1. A kind whose schema changed needs no entry, because every record is checked against the
 * schema of this unit.
 */
export const MIGRATIONS: readonly Migration[] = [];

/**
 * The bundle as this release writes it, and what was done to it. Throws `newer-format` for a format of the future,
 * and for one of the past that no step leads away from.
 */
export function migrate(
  bundle: Bundle,
  migrations: readonly Migration[] = MIGRATIONS,
  format = FORMAT,
): { bundle: Bundle; steps: string[] } {
  const path = stepsFrom(bundle.manifest.format, migrations, format);
  if (path.length === 0) return { bundle, steps: [] };
  const manifest = path.reduce((older, step) => step.manifest(older), bundle.manifest);
  const records: Bundle['records'] = async function* (parts) {
    for await (const record of bundle.records(parts))
      yield* path.reduce<BundleRecord[]>(
        (records, step) => records.flatMap(each => step.record(each)),
        [record],
      );
  };
  return {
    bundle: { manifest: { ...manifest, format }, records },
    steps: path.map(({ from, what }) => `format ${from} to ${from + 1}: ${what}`),
  };
}

function stepsFrom(found: number, migrations: readonly Migration[], format: number): Migration[] {
  const path: Migration[] = [];
  for (let at = found; at !== format; at++) {
    const step = at < format ? migrations.find(({ from }) => from === at) : undefined;
    if (step === undefined) throw unknownFormat(found, format);
    path.push(step);
  }
  return path;
}

function unknownFormat(found: number, format: number): LockstepError {
  return new LockstepError(
    'newer-format',
    `The bundle has format ${found}; this release reads up to ${format}. Nothing was changed.`,
    {
      hint: 'Restore it on a unit that runs the release that made it, or a newer one.',
      facts: { found, format },
    },
  );
}
