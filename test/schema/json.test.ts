import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { LockstepError } from '../../schema/error.ts';
import {
  assertPlainJson,
  canonicalize,
  isSameJson,
  type Json,
  MAX_DEPTH,
  MAX_DOCUMENT_BYTES,
  parseDocument,
  RESERVED_KEYS,
} from '../../schema/json.ts';

const nested = (levels: number, inside = ''): string => '['.repeat(levels) + inside + ']'.repeat(levels);
const parse = (text: string): Json => parseDocument(text, 'site.json');

/** What a refusal says; a text that is taken fails. */
function refusalOf(act: () => unknown): LockstepError {
  try {
    act();
  } catch (error) {
    return error as LockstepError;
  }
  return assert.fail('it was taken');
}

/** Every JSON value but those with numbers, keys and depths that a document may not have. */
const documents = fc
  .jsonValue({ maxDepth: 6 })
  .map(value => JSON.parse(JSON.stringify(value)) as Json)
  .filter(value => {
    try {
      assertPlainJson(value, 'it');
      return true;
    } catch {
      return false;
    }
  });

describe('a document that somebody wrote', () => {
  it('is what JSON says it is', () => {
    fc.assert(fc.property(documents, value => assert.deepEqual(parse(JSON.stringify(value)), value)));
    fc.assert(
      fc.property(documents, value => assert.deepEqual(parse(JSON.stringify(value, null, 2)), value)),
    );
  });

  const refused: [what: string, text: string, code: string, place: string | undefined][] = [
    ['the same key twice', '{"a":1,\n "b":2,\n "a":3}', 'duplicate-key', 'line 3, column 2'],
    ['the same key twice, once escaped', '{"a":1,"\\u0061":2}', 'duplicate-key', 'line 1, column 8'],
    ['the same key twice, deep down', '{"x":[{"a":{},"a":{}}]}', 'duplicate-key', 'line 1, column 15'],
    ['a number past the range of a double', '{"a": 1e400}', 'number-out-of-range', 'line 1, column 7'],
    ['a number past the range, negative', '[\n-1e400]', 'number-out-of-range', 'line 2, column 1'],
    ['a number so small that it would become 0', '1e-400', 'number-out-of-range', 'line 1, column 1'],
    ['an integer past 2^53', '[9007199254740992]', 'number-out-of-range', 'line 1, column 2'],
    ['a negative integer past 2^53', '[-9007199254740993]', 'number-out-of-range', 'line 1, column 2'],
    ['an integer past 2^53, written with an exponent', '1e16', 'number-out-of-range', 'line 1, column 1'],
    ['65 levels', nested(65), 'nested-too-deep', 'line 1, column 65'],
    [
      '65 levels of objects',
      `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`,
      'nested-too-deep',
      'line 1, column 321',
    ],
    ['100,000 levels', '['.repeat(100_000), 'nested-too-deep', 'line 1, column 65'],
    ['a comment', '{\n  // hosts\n  "a": 1}', 'bad-json', 'line 2, column 3'],
    ['a comment at its end', '1 /* one */', 'bad-json', 'line 1, column 3'],
    ['a trailing comma in an object', '{"a":1,}', 'bad-json', 'line 1, column 8'],
    ['a trailing comma in a list', '[1,\n]', 'bad-json', 'line 2, column 1'],
    ['single quotes', "{'a':1}", 'bad-json', 'line 1, column 2'],
    ['a key without quotes', '{a:1}', 'bad-json', 'line 1, column 2'],
    ['something behind its end', '{}\n{}', 'bad-json', 'line 2, column 1'],
    ['an end that is missing', '{"a":[1,2', 'bad-json', 'line 1, column 10'],
    ['a control character in a text', '{"a":"\u0000"}', 'bad-json', 'line 1, column 6'],
    ['a byte order mark', '\ufeff{"a":1}', 'bad-json', 'line 1, column 1'],
    ['NaN', '[NaN]', 'bad-json', 'line 1, column 2'],
    ['a leading zero', '[010]', 'bad-json', 'line 1, column 3'],
    ['half of a character', '{"a":\n"x\\ud83d"}', 'bad-json', 'line 2, column 1'],
    ['half of a character in a key', '{"\\udc00":1}', 'bad-json', 'line 1, column 2'],
    ['nothing', '', 'bad-json', undefined],
    ['nothing but space', ' \r\n\t', 'bad-json', undefined],
  ];
  for (const [what, text, code, place] of refused) {
    it(`is refused by name, line and column when it has ${what}`, () => {
      const refusal = refusalOf(() => parse(text));
      assert.equal(refusal.code, code);
      assert.ok(
        refusal.message.startsWith(place === undefined ? 'site.json ' : `site.json, ${place}: `),
        refusal.message,
      );
    });
  }

  it('may use 64 levels, the largest exact integers, and every whole character', () => {
    assert.equal(JSON.stringify(parse(nested(MAX_DEPTH))), nested(MAX_DEPTH));
    assert.equal(JSON.stringify(parse(nested(MAX_DEPTH, '1'))), nested(MAX_DEPTH, '1'));
    assert.deepEqual(parse('[9007199254740991,-9007199254740991,0.1,1.5e-7]'), [
      Number.MAX_SAFE_INTEGER,
      Number.MIN_SAFE_INTEGER,
      0.1,
      1.5e-7,
    ]);
    assert.equal(parse('"\\ud83d\\ude00 \u2028"'), '\u{1f600} \u2028');
  });

  for (const key of RESERVED_KEYS) {
    it(`may not use ${key} as a key, at any depth, however it is spelled`, () => {
      const escaped = key.replace('o', '\\u006f');
      for (const text of [
        `{"${key}":{"polluted":true}}`,
        `{"a":[{"${key}":1}]}`,
        `{"${escaped}":1}`,
        `${'{"a":'.repeat(60)}{"${key}":{}}${'}'.repeat(60)}`,
      ]) {
        const refusal = refusalOf(() => parse(text));
        assert.equal(refusal.code, 'reserved-key');
        assert.equal(refusal.facts.key, key);
      }
      assert.equal(({} as { polluted?: boolean }).polluted, undefined);
    });
  }

  it('may name its keys like what every object inherits', () => {
    const text = '{"toString":1,"hasOwnProperty":2,"valueOf":[3],"__defineGetter__":4}';
    assert.equal(JSON.stringify(parse(text)), text);
  });

  it('is refused when it is too large, before it is looked at', () => {
    const refusal = refusalOf(() => parse('['.repeat(MAX_DOCUMENT_BYTES + 1)));
    assert.equal(refusal.code, 'too-large');
    assert.deepEqual(refusal.facts, {
      source: 'site.json',
      bytes: MAX_DOCUMENT_BYTES + 1,
      limit: MAX_DOCUMENT_BYTES,
    });
  });

  it('is told about a byte order mark as such', () => {
    assert.match(String(refusalOf(() => parse('\ufeff{}')).hint), /BOM/);
  });
});

/** Texts that are JSON, and those that nearly are. */
const texts = fc.oneof(
  fc.json({ maxDepth: 3 }),
  fc.string({
    unit: fc.constantFrom(...'[]{},:"\\/*-+.eE01 \n\tnulltrue\u0000\ufeff\u00a0\u2028'),
    maxLength: 12,
  }),
  fc
    .tuple(
      fc.json({ maxDepth: 3 }),
      fc.nat(),
      fc.nat(3),
      fc.constantFrom('', ',', '"', '{', '}', ']', ':', '0', '-', '.', '\\', '\n', '//', "'"),
    )
    .map(
      ([text, at, drop, put]) =>
        text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + drop),
    ),
);

describe('beside JSON.parse, the reader of documents', () => {
  const verdict = (read: (text: string) => unknown, text: string): { value?: unknown; refused?: unknown } => {
    try {
      return { value: read(text) };
    } catch (error) {
      return { refused: (error as { code?: string }).code ?? 'bad-json' };
    }
  };

  it('refuses whatever JSON.parse refuses, takes nothing differently, and says why it is stricter', () => {
    fc.assert(
      fc.property(texts, text => {
        const [judge, ours] = [verdict(JSON.parse, text), verdict(parse, text)];
        if ('refused' in judge) assert.ok('refused' in ours, 'JSON.parse refuses it');
        else if ('value' in ours) assert.deepEqual(ours.value, judge.value);
        else if (ours.refused === 'bad-json') assert.match(JSON.stringify(judge.value), /\\ud[89a-f]/);
        else assert.match(String(ours.refused), /^(duplicate-key|reserved-key|number-out-of-range)$/);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('a value that was parsed elsewhere', () => {
  it('is refused for what a document is refused for', () => {
    const cases: [unknown, string][] = [
      [JSON.parse('{"a":[{"__proto__":1}]}'), 'reserved-key'],
      [{ a: Number.POSITIVE_INFINITY }, 'number-out-of-range'],
      [[Number.NaN], 'number-out-of-range'],
      [2 ** 53, 'number-out-of-range'],
      [JSON.parse(nested(65)), 'nested-too-deep'],
      [{ a: '\ud800' }, 'bad-json'],
      [{ '\udfff': 1 }, 'bad-json'],
    ];
    for (const [value, code] of cases)
      assert.equal(refusalOf(() => assertPlainJson(value, 'the request')).code, code);
    assertPlainJson(JSON.parse(nested(64, '1')), 'the request');
  });
});

describe('the one spelling of a value', () => {
  it('does not depend on the order of its keys', () => {
    fc.assert(
      fc.property(documents, value => assert.equal(canonicalize(reversed(value)), canonicalize(value))),
    );
  });

  it('is that of RFC 8785, by its own examples, and refuses what has none', () => {
    const names = { '\u20ac': 5, '\r': 1, '\ufb33': 7, '1': 2, '\ud83d\ude00': 6, '\u0080': 3, ö: 4 };
    assert.equal(
      canonicalize(names),
      '{"\\r":1,"1":2,"\u0080":3,"ö":4,"\u20ac":5,"\ud83d\ude00":6,"\ufb33":7}',
    );
    const numbers = { numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 1e-27, -0], literals: [null, true] };
    assert.equal(
      canonicalize(numbers),
      '{"literals":[null,true],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27,0]}',
    );
    for (const value of ['\ud800', { b: '\udfff', a: 1 }, { b: 1, a: Number.NaN }, Number.POSITIVE_INFINITY])
      assert.equal(refusalOf(() => canonicalize(value)).code, 'bad-json');
  });

  it('is read back as the same value', () => {
    fc.assert(fc.property(documents, value => assert.deepEqual(parse(canonicalize(value)), value)));
  });

  it('differs when the values differ', () => {
    fc.assert(
      fc.property(documents, documents, (one, other) =>
        assert.equal(canonicalize(one) === canonicalize(other), sorted(one) === sorted(other)),
      ),
    );
  });
});

describe('values that are the same', () => {
  it('have one spelling, and only they', () => {
    fc.assert(
      fc.property(documents, documents, (one, other) => {
        assert.equal(isSameJson(one, other), canonicalize(one) === canonicalize(other));
        assert.ok(isSameJson(one, reversed(one)));
      }),
    );
    for (const [one, other] of [
      [{}, []],
      [{ a: null }, {}],
      [{ a: 1 }, { b: 1 }],
      [{ toString: 1 }, { a: 1 }],
      [[1, 2], [1]],
      [null, {}],
      [0, ''],
    ] as [Json, Json][]) {
      assert.ok(!isSameJson(one, other));
      assert.ok(!isSameJson(other, one));
    }
  });
});

function reversed(value: Json): Json {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([key, item]) => [key, reversed(item)]),
  );
}

/** Made without canonicalize, to compare with it. */
function sorted(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join()}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  return `{${Object.keys(value)
    .sort()
    .map(key => `${JSON.stringify(key)}:${sorted(value[key] as Json)}`)
    .join()}}`;
}
