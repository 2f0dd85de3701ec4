import assert from 'node:assert/strict';
import fc from 'fast-check';
import { coloured, plain } from '../../cli/paint.ts';
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

  describe('in a narrow window', () => {
    const history = ['REVISION', 'AT', 'REASON'];
    const changes: [number, string, string][] = [
      [12, '2026-12-01 03:30:20', 'as agreed with the people of the other building, ticket 4711'],
      [11, '2026-12-01 03:30:13', ''],
    ];

    it('puts the last column below the others', () => {
      assert.equal(
        formatTable(history, changes, plain, 40),
        [
          'REVISION  AT',
          '    REASON',
          '      12  2026-12-01 03:30:20',
          '    as agreed with the people of the',
          '    other building, ticket 4711',
          '      11  2026-12-01 03:30:13',
        ].join('\n'),
      );
    });

    it('is a list for each row, where that is not enough', () => {
      const held: [string, string, number][] = [['shop', 'O=Example Site, CN=shop.site.example', 12]];
      assert.equal(
        formatTable(['name', 'issued by', 'days'], held, plain, 40),
        [
          'shop',
          '    issued by  O=Example Site,',
          '               CN=shop.site.example',
          '    days       12',
        ].join('\n'),
      );
    });

    it('stays as it is where it fits, or where there is no window', () => {
      const short: [number, string, string][] = [[11, '03:30', 'why']];
      assert.equal(formatTable(history, short, plain, 40), formatTable(history, short, plain, undefined));
      assert.equal(formatTable(history, changes, plain, undefined).split('\n').length, 3);
    });

    it('has no line that is too long, but for one word', () => {
      fc.assert(
        fc.property(rows, fc.integer({ min: 40, max: 60 }), (given, columns) => {
          for (const line of formatTable(HEAD, given, plain, columns).split('\n'))
            assert.ok(line.length <= columns || !line.trim().includes(' '), line);
        }),
      );
    });
  });

  it('shows a thousand rows without being waited for', () => {
    const many = Array.from({ length: 1_000 }, (_row, i) => [`certificate-${i}`, i, 'x'.repeat(60)]);
    const start = performance.now();
    assert.equal(formatTable(HEAD, many, plain).split('\n').length, 1_001);
    assert.ok(performance.now() - start < 200);
  });
});
