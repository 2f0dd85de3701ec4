/** Lists that are read by page. */
import { LockstepError } from '../schema/error.ts';

export interface Page {
  /** Default: all. */
  limit?: number;
  /** What `next` of the page before said. */
  after?: string;
}

/** `nameOf`: what a page goes on after. Throws `bad-usage` for a name that is not in the list, perhaps not any more. */
export function pageOf<Item>(
  all: readonly Item[],
  { limit, after }: Page,
  nameOf: (item: Item) => string,
): { items: Item[]; next?: string } {
  const from = after === undefined ? 0 : all.findIndex(item => nameOf(item) === after) + 1;
  if (after !== undefined && from === 0)
    throw new LockstepError('bad-usage', `There is no ${after} that a page could follow.`, {
      hint: 'Begin again without after: what it named has gone.',
      facts: { after },
    });
  const items = all.slice(from, limit === undefined ? undefined : from + limit);
  const last = items.at(-1);
  return last !== undefined && from + items.length < all.length ? { items, next: nameOf(last) } : { items };
}
