import assert from 'node:assert/strict';
import { asHtml } from '../../schema/html.ts';
import { printable, withoutUnseen } from '../../schema/printable.ts';

describe('text from elsewhere', () => {
  const unseen: Record<string, string> = {
    'a direction that is turned round': '\u202e',
    'an isolate': '\u2066',
    'a mark without width': '\u200b',
    'a joiner': '\u2060',
    'a byte order mark': '\ufeff',
    'a tag': '\u{e0041}',
    'a variation selector': '\ufe0f',
    'a line separator': '\u2028',
    'a C1 control': '\u009b',
    'a soft hyphen': '\u00ad',
    'a filler': '\u3164',
  };
  for (const [what, character] of Object.entries(unseen))
    it(`attack: ${what} reaches neither terminal nor page`, () => {
      for (const shown of [printable, withoutUnseen, asHtml])
        assert.equal(shown(`shop${character}pohs`), 'shop\ufffdpohs', shown.name);
    });

  it('stays as it is where all can be seen, in every script', () => {
    const text = 'Überbau, 店舗, магазин, متجر – 42 €';
    assert.equal(printable(text), text);
    assert.equal(asHtml(text), text);
  });

  it('loses the escape of a colour in a line, and keeps it where the line is ours', () => {
    assert.equal(printable('\u001b[31mred\n'), '\ufffd[31mred ');
    assert.equal(withoutUnseen('\u001b[31mred\n'), '\u001b[31mred\n');
    assert.equal(withoutUnseen('a\r\nb\tc'), 'a\r\nb\tc');
  });

  it('attack: moves no cursor in a line of ours, and clears nothing', () => {
    assert.equal(withoutUnseen('all\rbad\u001b[2J\u001b]0;x\u001b'), 'all\ufffdbad\ufffd[2J\ufffd]0;x\ufffd');
  });
});
