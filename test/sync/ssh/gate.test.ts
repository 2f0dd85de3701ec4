import assert from 'node:assert/strict';
import { type Login, type Stage, whoLeaves } from '../../../sync/ssh/gate.ts';

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
