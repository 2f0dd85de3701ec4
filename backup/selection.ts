import { LockstepError } from '../schema/error.ts';

/** Which certificates of a bundle are restored. */
export interface Selection {
  /** As it was asked for. */
  words: readonly string[];
  /** The folders of paths that are restored as a whole. */
  folders: readonly string[];
  holds(path: string): boolean;
  /** What was named and is not among `paths`. */
  absentFrom(paths: ReadonlySet<string>): string[];
}

/** The words of the appliance, and the folders that they stand for. */
const GROUPS: Record<string, readonly string[]> = {
  full: ['certificates', 'intermediates'],
  vs: ['certificates'],
  third: ['intermediates'],
};

/**
 * `full`, `vs` or `third` alone, or names: `shop` is the certificate and the intermediate of that name, `certificates/vs`
 * and `intermediates/shop` are one. Throws `bad-usage`.
 */
export function readSelection(words: readonly string[]): Selection {
  const groups = words.filter(word => Object.hasOwn(GROUPS, word));
  if (words.length === 0 || (groups.length > 0 && words.length > 1))
    throw new LockstepError('bad-usage', 'Select either full, vs or third, or certificates by their names.', {
      hint: 'full: all · vs: those of Virtual Services · third: intermediates · a certificate named vs is certificates/vs',
    });
  const folders = GROUPS[groups[0] ?? ''] ?? [];
  const named = new Map(words.map(word => [word, pathsOf(word)]));
  const paths = new Set(groups.length > 0 ? [] : [...named.values()].flat());
  return {
    words,
    folders,
    holds: path => folders.includes(path.split('/')[0] as string) || paths.has(path),
    absentFrom: held =>
      groups.length > 0
        ? []
        : words.filter(word => !(named.get(word) as string[]).some(path => held.has(path))),
  };
}

function pathsOf(word: string): string[] {
  return word.includes('/') ? [word] : [`certificates/${word}`, `intermediates/${word}`];
}
