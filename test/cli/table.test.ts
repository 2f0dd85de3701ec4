import assert from 'node:assert/strict';
import fc from 'fast-check';
import { coloured, plain } from '../../cli/output.ts';
import { formatTable } from '../../cli/table.ts';

const HEAD = ['name', 'count', 'reason'];
const word = fc.string({ unit: fc.constantFrom(...'abc -:/') as fc.Arbitrary<string>, maxLength: 12 });
const rows = fc.array(fc.tuple(word, fc.nat(99_999), word), { minLength: 1, maxLength: 20 });

describe('a table', () => {
  it('looks the same whether its cells have to be measured or not', () => {
    fc.assert(
      fc.property(rows, fc.constantFrom(plain, coloured), (given, paint) => {
        // The last row is as wide as an empty one would be, but not ASCII: all of it is measured then.
        const measured = formatTable(HEAD, [...given, ['é', 0, '']], paint).split('\n');
        assert.deepEqual(formatTable(HEAD, given, paint).split('\n'), measured.slice(0, -1));
      }),
      { numRuns: 60 },
    );
  });

  it('keeps its columns below wide characters', () => {
    assert.equal(
      formatTable(
        ['a', 'b'],
        [
          ['管理', 'x'],
          ['ab', 'y'],
        ],
        plain,
      ),
      'a     b\n管理  x\nab    y',
    );
  });

  it('shows a thousand rows without being waited for', () => {
    const many = Array.from({ length: 1_000 }, (_row, i) => [`certificate-${i}`, i, 'x'.repeat(60)]);
    const start = performance.now();
    assert.equal(formatTable(HEAD, many, plain).split('\n').length, 1_001);
    assert.ok(performance.now() - start < 200);
  });
});
