/** The store of a unit, and its process. */
import { method } from './method.ts';
import { count, flag, list, number, type Of, object, oneOf, text, time } from './schema.ts';
import { damageFinding } from './shapes.ts';

const verifyAnswer = object({
  damaged: flag(),
  findings: list(damageFinding, 'The first 100.'),
  more: count(),
  seconds: number(),
});
export type VerifyAnswer = Of<typeof verifyAnswer>;

const rebuildAnswer = object({
  aside: text('Where the old store is, below the directory of the unit.'),
  mode: oneOf(['first', 'second']),
  kept: list(text(), 'Paths whose half of the unit was kept.'),
  unreadable: list(text(), 'Paths of which something was there that could not be kept.'),
});
export type RebuildAnswer = Of<typeof rebuildAnswer>;

export const STORE_CARE = {
  verifyStore: method(
    'POST /v1/store/verify',
    'operate',
    'Verify the whole store now; answers when that is done',
    verifyAnswer,
  ),
  rebuild: method(
    'POST /v1/store/rebuild',
    'admin',
    'Throw the store away and get everything from the partner; the unit starts again',
    rebuildAnswer,
    { asks: object({}, { force: flag('Although the partner is not seen.') }), example: { force: false } },
  ),
  restart: method(
    'POST /v1/restart',
    'admin',
    'End all that runs in the unit, and start it from what is on its disk',
    object({ startedAt: time('The start that ends now.') }),
  ),
};
