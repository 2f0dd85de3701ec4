import assert from 'node:assert/strict';
import { RefusalLog, type Untold } from '../../../sync/ssh/refusal-log.ts';

const MINUTE = 60_000;

describe('the log of refusals', () => {
  it('tells each source and reason once a minute, with the count of those in between', () => {
    const log = new RefusalLog();
    const knock = { source: 'a', reason: 'x' };
    const told = [0, 1, 59_999, 60_000, 119_999, 120_000, 500_000].map(now => log.note(knock, now));
    assert.deepEqual(told, [{}, undefined, undefined, { again: 2 }, undefined, { again: 1 }, {}]);
  });

  it('tells another source and another reason at once', () => {
    const log = new RefusalLog();
    for (const [source, reason] of [
      ['a', 'x'],
      ['a', 'y'],
      ['b', 'x'],
    ] as const)
      assert.deepEqual(log.note({ source, reason }, 0), {});
  });

  it('stays short and small when a million addresses knock, and forgets none of them', () => {
    const log = new RefusalLog();
    let lines = 0;
    let counted = 0;
    const take = (untold: Untold | undefined): void => {
      if (untold === undefined) return;
      lines++;
      counted += 1 + (untold.again ?? 0) + (untold.others ?? 0);
    };
    for (let i = 0; i < 1_000_000; i++)
      take(log.note({ source: `2001:db8::${i.toString(16)}`, reason: 'x' }, i));
    const minutes = Math.ceil(1_000_000 / MINUTE);
    assert.ok(lines <= 60 * minutes, `${lines} lines`);
    take(log.note({ source: 'last', reason: 'x' }, 2_000_000));
    assert.equal(counted, 1_000_001);
  });

  it('counts those of a source that it had to forget as others', () => {
    const log = new RefusalLog();
    let now = 0;
    log.note({ source: 'forgotten', reason: 'x' }, now);
    log.note({ source: 'forgotten', reason: 'x' }, now);
    let others = 0;
    for (let i = 0; i < 1_100; i++) {
      now += 2_000;
      others += log.note({ source: String(i), reason: 'x' }, now)?.others ?? 0;
    }
    assert.equal(others, 1);
  });
});
