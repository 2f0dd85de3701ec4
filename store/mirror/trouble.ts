import type { LockstepError, Problem } from '../../schema/error.ts';

/** A file that is not what the store holds, and that could not be committed either. It is left as it is. */
export interface Trouble {
  /** Relative to the mirror: `virtualServices/tcp%3A10.0.0.1%3A443.json`. */
  file: string;
  /** Record path, with the field behind it where there is one; `''` where the file has none. */
  path: string;
  reason: string;
  /** A code of LockstepError, or `not-a-file`, `unreadable`, `kept-beside`. */
  code: string;
}

export interface MirrorLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

/** The store could not be written to the disk, or the other way round: tried again by itself. */
export const RETRIED = 'disk';

export class Troubles {
  private readonly byFile = new Map<string, Trouble & { overtaken: boolean }>();
  private readonly onNew: (trouble: Trouble) => void;

  constructor(onNew: (trouble: Trouble) => void) {
    this.onNew = onNew;
  }

  list(): Trouble[] {
    const all = [...this.byFile.values()].map(({ overtaken, ...trouble }) =>
      overtaken && trouble.code !== 'conflict'
        ? { ...trouble, reason: `${trouble.reason} (its object was changed in the store meanwhile)` }
        : trouble,
    );
    return all.sort((a, b) => (a.file < b.file ? -1 : 1));
  }

  has(file: string): boolean {
    return this.byFile.has(file);
  }

  /** Whether the mirror must leave the file alone: it holds somebody's work that is not in the store. */
  holds(file: string): boolean {
    const trouble = this.byFile.get(file);
    return trouble !== undefined && trouble.code !== RETRIED;
  }

  isOvertaken(file: string): boolean {
    return this.byFile.get(file)?.overtaken === true;
  }

  files(code?: string): string[] {
    return [...this.byFile.values()]
      .filter(trouble => code === undefined || trouble.code === code)
      .map(({ file }) => file);
  }

  report(trouble: Trouble): void {
    const known = this.byFile.get(trouble.file);
    this.byFile.set(trouble.file, { ...trouble, overtaken: known?.overtaken ?? false });
    if (known?.code !== trouble.code || known.reason !== trouble.reason) this.onNew(trouble);
  }

  /** The store moved on while the file waited. */
  overtake(file: string): void {
    const trouble = this.byFile.get(file);
    if (trouble !== undefined) trouble.overtaken = true;
  }

  /** Whether there was one. */
  clear(file: string): boolean {
    return this.byFile.delete(file);
  }
}

/** A refusal in one sentence, with the place that it is about. */
export function troubleOf(file: string, path: string, error: LockstepError): Trouble {
  const problems = (error.facts.problems as Problem[] | undefined) ?? [];
  const [first] = problems;
  const place = first?.path ?? (typeof error.facts.path === 'string' ? error.facts.path : path);
  const more = Number(error.facts.count ?? problems.length) - 1;
  const reason =
    first === undefined
      ? error.message
      : `${first.path}: ${first.message}${more > 0 ? ` (and ${more} more)` : ''}.`;
  const hint = error.hint ?? first?.hint;
  return { file, path: place, reason: hint === undefined ? reason : `${reason} ${hint}`, code: error.code };
}
