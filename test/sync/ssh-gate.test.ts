import assert from 'node:assert/strict';
import { type Login, type Refusal, RefusalLog, type Stage, whoLeaves } from '../../sync/ssh-gate.ts';

const LIMITS = { logins: 6, loginsPerSource: 4 };

function logins(...all: [source: string, stage: Stage][]): Login[] {
  return all.map(([source, stage]) => ({ source, stage }));
}

describe('who leaves when too many log in at once', () => {
  it('nobody while there is room', () => {
    assert.equal(whoLeaves(logins(['a', 'silent'], ['a', 'silent']), 'a', LIMITS), undefined);
  });

  it('of one address, the one that got least far, and of those the oldest', () => {
    const present = logins(['a', 'encrypted'], ['a', 'speaking'], ['a', 'silent'], ['a', 'silent']);
    assert.equal(whoLeaves(present, 'a', LIMITS), present[2]);
    const busy = logins(['a', 'encrypted'], ['a', 'speaking'], ['a', 'speaking'], ['a', 'encrypted']);
    assert.equal(whoLeaves(busy, 'a', LIMITS), busy[1]);
  });

  it('a flood from one address costs the others nothing', () => {
    const present = logins(
      ['b', 'silent'],
      ['a', 'silent'],
      ['a', 'silent'],
      ['a', 'silent'],
      ['a', 'silent'],
    );
    assert.equal(whoLeaves(present, 'a', LIMITS), present[1]);
    assert.equal(whoLeaves(present, 'c', LIMITS), undefined);
    assert.equal(whoLeaves([...present, ...logins(['c', 'silent'])], 'd', LIMITS), present[1]);
  });
});

describe('the log of refusals', () => {
  function recorded(): { told: Refusal[]; log: RefusalLog; at(ms: number): void } {
    const told: Refusal[] = [];
    let now = 0;
    const log = new RefusalLog(
      refusal => told.push(refusal),
      () => now,
    );
    const at = (ms: number): void => {
      now = ms;
    };
    return { told, log, at };
  }

  it('tells each source and reason once a minute', () => {
    const { told, log, at } = recorded();
    for (const ms of [0, 1, 59_999, 60_000, 119_999]) {
      at(ms);
      log.note({ source: 'a', reason: 'x', detail: `at ${ms}` });
    }
    assert.deepEqual(
      told.map(({ detail }) => detail),
      ['at 0', 'at 60000'],
    );
    log.note({ source: 'a', reason: 'y' });
    log.note({ source: 'b', reason: 'x' });
    assert.equal(told.length, 4);
  });

  it('stays short and small when a million addresses knock', () => {
    const { told, log, at } = recorded();
    for (let i = 0; i < 1_000_000; i++) log.note({ source: `2001:db8::${i.toString(16)}`, reason: 'x' });
    assert.equal(told.length, 1_024);
    at(60_000);
    log.note({ source: 'a', reason: 'x' });
    assert.equal(told.length, 1_025);
  });
});
