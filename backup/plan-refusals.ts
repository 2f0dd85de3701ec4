import { LockstepError, type Problem } from '../schema/error.ts';
import type { Kind } from '../schema/kind.ts';
import type { Manifest } from './bundle.ts';

/** Paths of which only the first are kept. */
interface Named {
  paths: string[];
  count: number;
  add(path: string): void;
}

export function named(most: number): Named {
  return {
    paths: [],
    count: 0,
    add(path) {
      this.count++;
      if (this.paths.length < most) this.paths.push(path);
    },
  };
}

export function unknownKinds({ paths, count }: Named, { unit }: Manifest): LockstepError {
  return new LockstepError(
    'restore-unknown-kind',
    `${listed(paths, count)} of the bundle: nothing of that kind is known here. Nothing was changed.`,
    {
      hint: `Restore it on release ${unit.release}, give this unit the same files under schema.d/, or leave the part out with --parts.`,
      facts: { paths, count },
    },
  );
}

export function espRefused({ paths, count }: Named): LockstepError {
  return new LockstepError(
    'restore-esp',
    `ESP is on in ${listed(paths, count)}, and this unit is not licensed for it. Nothing was changed.`,
    {
      hint: 'License the unit for ESP (licence/esp), or leave the part vs out with --parts.',
      facts: { paths, count },
    },
  );
}

export function orphaned(path: string, parent: string, kind: Kind): Problem {
  return {
    code: 'parent-missing',
    path,
    message: `it stays, but ${parent}, which it belongs to, is not in the bundle`,
    hint: `Restore the part ${kind.part} too, or remove ${path} first.`,
  };
}

function listed(paths: string[], count: number): string {
  const shown = paths.slice(0, 5).join(', ');
  return count > 5 ? `${shown} and ${count - 5} more` : shown;
}

/** A bundle in which a record lies in the file of another part was made by nobody's program. */
export function misplaced(path: string, part: string): LockstepError {
  return new LockstepError(
    'damaged-bundle',
    `${path} belongs to the part ${part}, but the bundle has it elsewhere.`,
    {
      hint: 'lockstep backup verify FILE says what else is wrong with it.',
      facts: { path, part },
    },
  );
}
