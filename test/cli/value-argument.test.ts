import assert from 'node:assert/strict';
import { fieldValue, recordValue } from '../../cli/value-argument.ts';
import type { Json, JsonObject } from '../../schema/json.ts';

describe('the value of lockstep set', () => {
  const port: JsonObject = { anyOf: [{ type: 'integer' }, { type: 'string', const: '*' }] };
  const list: JsonObject = { type: 'array', items: { type: 'string' } };

  const cases: [string, JsonObject, Json, string][] = [
    ['61', { type: 'integer' }, 61, 'is a number where a number is wanted'],
    ['61', { type: 'string' }, '61', 'is a text where a text is wanted, digits or not'],
    ['true', { type: 'boolean' }, true, 'is a truth value where one is wanted'],
    ['true', { type: 'string', enum: ['true', 'false'] }, 'true', 'is a text in a list of texts'],
    ['true', { enum: ['a', 'true'] }, 'true', 'is a text in a list of texts without a type'],
    ['null', { type: ['string', 'null'] }, 'null', 'is never null by accident'],
    ['443', port, 443, 'may be a number or a text: here a number'],
    ['*', port, '*', 'may be a number or a text: here a text'],
    ['["a", "b"]', list, ['a', 'b'], 'may be a list'],
    ['web', { type: 'integer' }, 'web', 'that is no JSON goes as it is, for the unit to say what is wrong'],
    ['"web"', { type: 'string' }, 'web', 'in JSON quotes is the text in them, as show prints it'],
    ['"a \\"b\\" \\u00e4"', { type: 'string' }, 'a "b" ä', 'in JSON quotes may hold quotes'],
    ['"\\"web\\""', { type: 'string' }, '"web"', 'keeps quotes that are said to be in it'],
    [
      '"a" or "b"',
      { type: 'string' },
      '"a" or "b"',
      'that only begins and ends with quotes is as it was typed',
    ],
    [
      '"web"',
      { type: 'string', writeOnly: true },
      '"web"',
      'keeps its quotes in a secret, which nothing prints',
    ],
    ['', { type: 'string' }, '', 'may be empty'],
  ];
  for (const [text, schema, expected, name] of cases) {
    it(`${name}: ${JSON.stringify(text)}`, () => assert.deepEqual(fieldValue('a/b', text, schema), expected));
  }

  it('of a text is again what show printed of it', () => {
    for (const text of ['web', '"', '""', '"web"', 'null', '61', ' a ', 'two\nlines', '\\"'])
      assert.equal(fieldValue('a/b', JSON.stringify(text), { type: 'string' }), text);
  });

  it('that should be a list and is not JSON is refused with an example to type', () => {
    assert.throws(() => fieldValue('a/b', '80,90', list), {
      code: 'bad-json',
      hint: /lockstep set a\/b '\["one", "two"\]'/,
    });
    assert.throws(() => fieldValue('a/b', '{a:1}', port), { code: 'bad-json' });
  });

  it('that JSON would bend is refused, not stored as a text', () => {
    for (const [text, code] of [
      ['1e400', 'number-out-of-range'],
      ['9007199254740993', 'number-out-of-range'],
      ['{"a":1,"a":2}', 'duplicate-key'],
      ['{"__proto__":1}', 'reserved-key'],
      ['['.repeat(100) + ']'.repeat(100), 'nested-too-deep'],
    ] as const) {
      assert.throws(() => fieldValue('a/b', text, {}), { code });
    }
  });

  it('of a whole record is an object', () => {
    assert.deepEqual(recordValue('ha', '{"virtualId": 61}'), { virtualId: 61 });
    assert.throws(() => recordValue('ha', '5'), { code: 'invalid-value', hint: /lockstep edit ha/ });
    assert.throws(() => recordValue('ha', 'x'), { code: 'bad-json' });
  });
});
