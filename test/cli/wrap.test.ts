import assert from 'node:assert/strict';
import fc from 'fast-check';
import { coloured } from '../../cli/paint.ts';
import { widthOf, wrapLines, wrapProse } from '../../cli/wrap.ts';

describe('text in a narrow window', () => {
  it('goes on below where its text begins', () => {
    const text =
      'sync      behind: lb-b lacks changes that were made here.\n  certificates/shop: its private key is not here';
    assert.equal(
      wrapLines(text, 40),
      [
        'sync      behind: lb-b lacks changes',
        '          that were made here.',
        '  certificates/shop: its private key is',
        '  not here',
      ].join('\n'),
    );
  });

  it('of a help leaves commands as they are typed', () => {
    const help =
      'Exit codes: 0 done, 1 differs, 2 usage, 3 refused\n  lockstep set ha/virtualId 61 --reason "as agreed"';
    assert.equal(
      wrapProse(help, 40),
      'Exit codes: 0 done, 1 differs, 2 usage,\n3 refused\n  lockstep set ha/virtualId 61 --reason "as agreed"',
    );
  });

  it('is measured in columns: wide letters take two, accents and colours none', () => {
    const cases: [string, number][] = [
      ['管理', 4],
      ['한글', 4],
      ['é', 1],
      ['e\u0301', 1],
      ['😀', 2],
      [coloured('red', 'ab'), 2],
      ['', 0],
    ];
    for (const [text, width] of cases) assert.equal(widthOf(text), width, text);
  });

  it('is left alone where there is no window, and colours take no room', () => {
    const line = `${coloured('red', 'x'.repeat(38))} y`;
    assert.equal(wrapLines(line, 40), line);
    assert.equal(wrapLines('x '.repeat(100), undefined), 'x '.repeat(100));
  });

  it('loses no word, and no line is too long but for one word', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[!-~]{1,30}$/)),
        fc.integer({ min: 40, max: 120 }),
        (words, width) => {
          const wrapped = wrapLines(words.join(' '), width);
          assert.deepEqual(wrapped.split(/\s+/).filter(Boolean), words);
          for (const line of wrapped.split('\n'))
            assert.ok(line.length <= width || !line.trim().includes(' '), line);
        },
      ),
    );
  });
});
