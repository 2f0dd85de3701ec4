import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { judge, readClaims, unproved } from '../../bench/claims.ts';

const PAGE = `# Performance

| what | times |
|---|---|
| not a claim | 3 |

## Claims

Words.

| so many times as fast as | times |
|---|---|
| Force Update: rsync | 10 |
| create a bundle: tar cz and gpg -c | 0.67 |

## Next

| no claim either | 4 |
`;

describe('the claims of docs/PERFORMANCE.md', () => {
  it('are the table of their section and nothing else', () => {
    assert.deepEqual(
      [...readClaims(PAGE)],
      [
        ['Force Update: rsync', 10],
        ['create a bundle: tar cz and gpg -c', 0.67],
      ],
    );
  });

  it('hold until a ratio is worse than half of what is claimed', () => {
    const claims = readClaims(PAGE);
    const holds = (times: number): boolean | undefined =>
      judge([{ claim: 'Force Update: rsync', times }], claims)[0]?.holds;
    assert.deepEqual([holds(12), holds(5), holds(4.99), holds(Number.NaN)], [true, true, false, false]);
  });

  it('cannot drift apart from what is measured', () => {
    const claims = readClaims(PAGE);
    assert.throws(
      () => judge([{ claim: 'something new', times: 1 }], claims),
      /claims nothing of "something new"/,
    );
    assert.deepEqual(unproved([{ claim: 'Force Update: rsync', times: 9 }], claims), [
      'create a bundle: tar cz and gpg -c',
    ]);
  });

  it('are there', () => {
    assert.throws(() => readClaims('# Performance\n'), /no table of claims/);
    assert.ok(readClaims(readFileSync('docs/PERFORMANCE.md', 'utf8')).size >= 5);
  });
});
