import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { JsonObject } from '../../schema/json.ts';
import type { BranchChange } from '../../store/branch.ts';
import { type Merged, merge, type Side } from '../../store/merge.ts';

type Records = Record<string, JsonObject>;

/** A record `x/y` lives below `x`. */
function parent(path: string): string | undefined {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : undefined;
}

function mergeOf(
  base: Records,
  ours: Records,
  theirs: Records,
  choose: (place: string) => Side | undefined = () => undefined,
): Merged {
  const paths = [...new Set([...Object.keys(base), ...Object.keys(theirs)])].sort();
  const changes: BranchChange[] = paths
    .map(path => ({ path, base: base[path] ?? null, theirs: theirs[path] ?? null }))
    .filter(change => JSON.stringify(change.base) !== JSON.stringify(change.theirs));
  return merge({
    changes,
    choose,
    parent,
    ours: path => ours[path],
    below: path => Object.keys(ours).filter(other => other.startsWith(`${path}/`)),
  });
}

function resultOf(ours: Records, { changes }: Merged): Records {
  const records = { ...ours };
  for (const change of changes) {
    if (change.op === 'put') records[change.path] = change.value;
    else
      for (const path of Object.keys(records))
        if (path === change.path || path.startsWith(`${change.path}/`)) delete records[path];
  }
  return records;
}

const places = (merged: Merged): string[] =>
  merged.conflicts.map(({ path, field }) => (field === undefined ? path : `${path}:${field}`));

describe('a branch is merged', () => {
  const base: Records = { shop: { port: 80, name: 'shop' }, mail: { port: 25 } };

  it('by itself where the sides changed different records', () => {
    const merged = mergeOf(
      base,
      { ...base, mail: { port: 26 } },
      { ...base, shop: { port: 81, name: 'shop' } },
    );
    assert.deepEqual(merged.conflicts, []);
    assert.deepEqual(merged.changes, [{ op: 'put', path: 'shop', value: { port: 81, name: 'shop' } }]);
  });

  it('by itself where they changed different fields of one record', () => {
    const merged = mergeOf(
      base,
      { ...base, shop: { port: 81, name: 'shop' } },
      { ...base, shop: { port: 80, name: 'store' } },
    );
    assert.deepEqual(merged, {
      conflicts: [],
      changes: [{ op: 'put', path: 'shop', value: { port: 81, name: 'store' } }],
    });
  });

  it('by itself where they made the same change', () => {
    const same = { ...base, shop: { port: 82 } };
    assert.deepEqual(mergeOf(base, same, same), { changes: [], conflicts: [] });
  });

  it('with additions and removals of either side', () => {
    const ours = { shop: { port: 80, name: 'shop' } };
    const merged = mergeOf(base, ours, { mail: { port: 25 }, ftp: { port: 21 } });
    assert.deepEqual(resultOf(ours, merged), { ftp: { port: 21 } });
    assert.deepEqual(merged.conflicts, []);
  });

  it('not where both changed one field, and both values are told', () => {
    const merged = mergeOf(base, { ...base, mail: { port: 26 } }, { ...base, mail: { port: 27 } });
    assert.deepEqual(merged, {
      changes: [],
      conflicts: [{ path: 'mail', field: 'port', base: 25, ours: 26, theirs: 27 }],
    });
  });

  it('not where one removed what the other changed', () => {
    const { mail: _gone, ...removed } = base;
    assert.deepEqual(places(mergeOf(base, removed, { ...base, mail: { port: 26 } })), ['mail']);
    assert.deepEqual(places(mergeOf(base, { ...base, mail: { port: 26 } }, removed)), ['mail']);
  });

  it('not where removing a record would take along what the other side added below it', () => {
    const { shop: _gone, ...removed } = base;
    const ours = { ...base, 'shop/real': { weight: 1 } };
    assert.deepEqual(places(mergeOf(base, ours, removed)), ['shop']);
    assert.deepEqual(
      resultOf(
        ours,
        mergeOf(base, ours, removed, () => 'theirs'),
      ),
      { mail: { port: 25 } },
    );
    assert.deepEqual(
      resultOf(
        ours,
        mergeOf(base, ours, removed, () => 'ours'),
      ),
      ours,
    );
  });

  it('not where the other side removed the record above', () => {
    const { shop: _gone, ...removed } = base;
    assert.deepEqual(places(mergeOf(base, removed, { ...base, 'shop/real': { weight: 1 } })), ['shop/real']);
  });

  it('as the operator decides, field by field', () => {
    const ours = { shop: { port: 81, name: 'a' } };
    const choose = (place: string): Side | undefined =>
      ({ 'shop/port': 'theirs', 'shop/name': 'ours' })[place] as Side | undefined;
    const merged = mergeOf(
      { shop: { port: 80, name: 'shop' } },
      ours,
      { shop: { port: 82, name: 'b' } },
      choose,
    );
    assert.deepEqual(merged, {
      conflicts: [],
      changes: [{ op: 'put', path: 'shop', value: { port: 82, name: 'a' } }],
    });
  });

  it('and a removal names what it takes along only once', () => {
    const whole = { ...base, 'shop/real': { weight: 1 } };
    assert.deepEqual(mergeOf(whole, whole, { mail: { port: 25 } }).changes, [{ op: 'remove', path: 'shop' }]);
  });
});

describe('whatever both sides changed', () => {
  const record = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 0, max: 2 }), {
    noNullPrototype: true,
  });
  const records: fc.Arbitrary<Records> = fc
    .dictionary(fc.constantFrom('x', 'y', 'x/1', 'x/2', 'y/1'), record, { noNullPrototype: true })
    .map(all => Object.fromEntries(Object.entries(all).filter(([path]) => (parent(path) ?? path) in all)));
  const three = fc.tuple(records, records, records);
  const holds = (test: (base: Records, ours: Records, theirs: Records) => void): void =>
    fc.assert(
      fc.property(three, ([base, ours, theirs]) => test(base, ours, theirs)),
      { numRuns: 500 },
    );

  it('nothing of either side is dropped unseen', () => {
    holds((base, ours, theirs) => {
      const merged = mergeOf(base, ours, theirs);
      const result = resultOf(ours, merged);
      const told = new Set(places(merged));
      for (const path of new Set([...Object.keys(base), ...Object.keys(ours), ...Object.keys(theirs)])) {
        for (const [side, other] of [
          [ours, theirs],
          [theirs, ours],
        ] as const) {
          if (told.has(path)) continue;
          const wasThere = path in base;
          // Whole records: what one side removed or added is so in the end, unless the conflict is told.
          if (wasThere && !(path in side) && JSON.stringify(other[path]) === JSON.stringify(base[path]))
            assert.ok(!(path in result), `${path} was removed`);
          for (const field of Object.keys(side[path] ?? {})) {
            const changed = side[path]?.[field] !== base[path]?.[field];
            if (changed && !told.has(`${path}:${field}`))
              assert.equal(result[path]?.[field], side[path]?.[field]);
          }
        }
      }
    });
  });

  it('with every conflict decided for one side, none remains', () => {
    for (const side of ['ours', 'theirs'] as const)
      holds((base, ours, theirs) => assert.deepEqual(mergeOf(base, ours, theirs, () => side).conflicts, []));
  });

  it('decided for what stands here, every record still has the one above it', () => {
    holds((base, ours, theirs) => {
      const result = resultOf(
        ours,
        mergeOf(base, ours, theirs, () => 'ours'),
      );
      for (const path of Object.keys(result)) assert.ok((parent(path) ?? path) in result, path);
    });
  });

  it('merged twice is merged once', () => {
    holds((base, ours, theirs) => {
      const once = resultOf(
        ours,
        mergeOf(base, ours, theirs, () => 'theirs'),
      );
      assert.deepEqual(
        resultOf(
          once,
          mergeOf(base, once, theirs, () => 'theirs'),
        ),
        once,
      );
    });
  });

  it('an unchanged side takes the other as it is', () => {
    holds((base, _ours, theirs) => {
      const merged = mergeOf(base, base, theirs);
      assert.deepEqual(merged.conflicts, []);
      assert.deepEqual(Object.keys(resultOf(base, merged)).sort(), Object.keys(theirs).sort());
    });
  });
});
