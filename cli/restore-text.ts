import type { RestoreAnswer } from '../api/contract/restore.ts';
import { printable } from '../schema/printable.ts';
import { warningLines } from './changes.ts';
import type { Paint } from './paint.ts';
import { listLines, listWords, plural } from './quantity.ts';
import { formatRecordDiff } from './record-diff.ts';
import { localTime } from './time.ts';
import { unservedLines } from './unserved-text.ts';

const MAX_RECORDS = 50;
const MAX_LISTED = 10;
const MAX_SELECTED = 100;
/** A certificate that is called so is selected by its path. */
const GROUPS: ReadonlySet<string> = new Set(['full', 'vs', 'third']);

/**
 * What a restore would do, or did: the bundle, the counts of each part, each record before and after, what to know.
 * `shown`: all but the outcome stands on the screen already.
 */
export function formatRestore(answer: RestoreAnswer, paint: Paint, shown = false): string {
  const { bundle, changes } = answer;
  const head = `Bundle of ${printable(bundle.unit.name)}, made ${localTime(bundle.createdAt)}, revision ${bundle.revision}.`;
  if (changes.length === 0)
    return [head, `Nothing differs: revision ${answer.revision} stands.`, ...remarks(answer, paint)].join(
      '\n',
    );
  const outcome = answer.dryRun
    ? 'Nothing was changed yet.'
    : `Restored as revision ${answer.revision}; lockstep rollback ${answer.revision - 1} undoes it.`;
  if (shown) return outcome;
  const diff = changes.slice(0, MAX_RECORDS).map(change => formatRecordDiff(change, paint));
  const total = answer.counts.added + answer.counts.changed + answer.counts.removed;
  const more = total - diff.length;
  return [
    head,
    ...partLines(answer),
    '',
    ...diff,
    ...(more > 0 ? [`and ${plural(more, 'record')} more\n`] : []),
    ...remarks(answer, paint),
    outcome,
  ].join('\n');
}

function partLines({ parts }: RestoreAnswer): string[] {
  return parts.map(({ part, added, changed, removed }) => {
    const counts = [
      [added, 'added'],
      [changed, 'changed'],
      [removed, 'removed'],
    ].filter(([count]) => count !== 0);
    return `  ${part.padEnd(5)} ${counts.length === 0 ? 'as it is' : counts.map(([count, word]) => `${count} ${word}`).join(', ')}`;
  });
}

function remarks(
  { kept, missingKeys, unserved, steps, notes, warnings = [] }: RestoreAnswer,
  paint: Paint,
): string[] {
  const keys = missingKeys.slice(0, MAX_LISTED);
  return [
    ...steps.map(printable),
    ...(kept.count === 0
      ? []
      : [
          `This unit keeps its own: ${listed(kept.paths, kept.count)} (--as-the-old-unit takes the bundle's).`,
        ]),
    ...(keys.length === 0
      ? []
      : [
          paint('yellow', 'No private key is in the bundle, nor here, for:'),
          ...listLines(
            keys,
            ({ path, fingerprint }) => `  ${printable(path)}  ${fingerprint ?? '(no certificate)'}`,
            { count: missingKeys.length },
          ),
          ...whatToDo(missingKeys),
        ]),
    ...unservedLines(unserved, paint),
    ...notes.map(note => paint('yellow', printable(note))),
    ...warningLines({ warnings }, paint),
  ];
}

/** Keys of Virtual Services and those of the unit itself do not come from the same place. */
function whatToDo(missing: RestoreAnswer['missingKeys']): string[] {
  const names = missing.flatMap(({ path }) => {
    const name = /^certificates\/([^/]+)$/.exec(path)?.[1];
    return name === undefined ? [] : [printable(GROUPS.has(name) ? path : name)];
  });
  const select = names.length > MAX_SELECTED ? 'vs' : names.join(' ');
  return [
    ...(names.length > 0
      ? [`They are in a certificate bundle: lockstep certs restore FILE --select ${select}`]
      : []),
    ...(names.length < missing.length
      ? ['No certificate bundle holds the key of the unit itself: make a new one, or set it.']
      : []),
  ];
}

function listed(paths: string[], count: number): string {
  return listWords(paths.map(printable), MAX_LISTED, count);
}
