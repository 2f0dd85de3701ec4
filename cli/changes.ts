import type { ChangeAnswer, ChangeView } from '../unit/face.ts';
import type { Paint } from './output.ts';
import { printable } from './printable.ts';

const MOST_SHOWN = 20;
const MOST_FIELDS = 5;
const SIGNS = { added: '+', changed: '~', removed: '-' } as const;
const COLOURS = { added: 'green', changed: 'yellow', removed: 'red' } as const;

/** What a changing command did: one line, and the records it touched. */
export function formatChanges(answer: Omit<ChangeAnswer, 'digest'>, paint: Paint): string {
  const { added, changed, removed } = answer.counts;
  const total = added + changed + removed;
  if (total === 0)
    return `Nothing ${answer.dryRun ? 'would change' : 'changed'}: revision ${answer.revision} stands.`;
  const counts = [
    [added, 'added'],
    [changed, 'changed'],
    [removed, 'removed'],
  ].filter(([count]) => count !== 0);
  const sum = counts.map(([count, word]) => `${count} ${word}`).join(', ');
  const first = answer.dryRun
    ? `Dry run, nothing was changed. It would be: ${sum}.`
    : `Revision ${answer.revision}: ${sum}.`;
  const shown = answer.changes.slice(0, MOST_SHOWN);
  const more = total > shown.length ? [`  and ${total - shown.length} more`] : [];
  return [first, ...shown.map(change => formatChange(change, paint)), ...more].join('\n');
}

function formatChange(view: ChangeView, paint: Paint): string {
  const fields = view.change === 'changed' ? fieldNames(view) : '';
  return `  ${paint(COLOURS[view.change], `${SIGNS[view.change]} ${printable(view.path)}`)}${fields}`;
}

function fieldNames({ before = {}, after = {} }: ChangeView): string {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    name => JSON.stringify(before[name]) !== JSON.stringify(after[name]),
  );
  const more = names.length > MOST_FIELDS ? `, ${names.length - MOST_FIELDS} more` : '';
  return names.length === 0 ? '' : `  (${names.slice(0, MOST_FIELDS).map(printable).join(', ')}${more})`;
}
