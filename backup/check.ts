import type { Catalog } from '../schema/catalog.ts';
import { LockstepError, type Problem } from '../schema/error.ts';
import type { Part } from '../schema/kind.ts';
import type { BundleRecord, Manifest } from './bundle.ts';

/** A record that does not fit the schemas of this unit. */
interface Misfit extends Problem {
  /** '' for a path that no kind has. */
  kind: string;
}

const MAX_KEPT = 100;

/** Holds each record of a bundle against the schemas; hand `look` to openBundle. */
export class SchemaCheck {
  /** The first 100. */
  readonly misfits: Misfit[] = [];
  count = 0;
  private readonly catalog: Catalog;

  constructor(catalog: Catalog) {
    this.catalog = catalog;
  }

  readonly look = (record: BundleRecord, part: Part): void => {
    for (const misfit of this.problemsOf(record, part)) {
      this.count++;
      if (this.misfits.length < MAX_KEPT) this.misfits.push(misfit);
    }
  };

  /** Whether the kinds that do not fit are described differently where the bundle was made: then nothing is damaged. */
  explainedBy({ kinds }: Manifest): boolean {
    return this.misfits.every(({ kind }) => kind === '' || kinds[kind] !== this.catalog.kindDigests[kind]);
  }

  private problemsOf({ path, value }: BundleRecord, part: Part): Misfit[] {
    try {
      const kind = this.catalog.kindOf(path);
      const found = this.catalog.problems(kind, path, value, 'held');
      if (kind.part !== part)
        found.push({
          code: 'invalid-value',
          path,
          message: `It belongs to the part ${kind.part}, not ${part}.`,
        });
      return found.map(problem => ({ ...problem, kind: kind.name }));
    } catch (error) {
      if (!(error instanceof LockstepError)) throw error;
      return [{ code: error.code, path, message: error.message, kind: '' }];
    }
  }
}
