import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isObject, type Json, type JsonObject } from '../../schema/json.ts';
import type { Kind } from '../../schema/kind.ts';
import { plainValue, valueFromText, wantsText } from '../../schema/value-from-text.ts';
import { catalog, kindWithValue, pathOf } from './records-of.ts';

const read = (text: string, schema: JsonObject): Json => valueFromText(text, schema, 'The value');

describe('the value that a text stands for', () => {
  const port: JsonObject = { anyOf: [{ type: 'integer' }, { type: 'string', const: '*' }] };
  const cases: [string, JsonObject, Json][] = [
    ...['Y', 'y', 'yes', 'YES', '1', 'true'].map((text): [string, JsonObject, Json] => [
      text,
      { type: 'boolean' },
      true,
    ]),
    ...['N', 'no', 'No', '0', 'false'].map((text): [string, JsonObject, Json] => [
      text,
      { type: 'boolean' },
      false,
    ]),
    ['maybe', { type: 'boolean' }, 'maybe'],
    ['First', { type: 'string', enum: ['first', 'second'] }, 'first'],
    ['"SECOND"', { type: 'string', enum: ['first', 'second'] }, 'second'],
    ['a', { enum: ['A', 'a'] }, 'a'],
    ['AB', { type: 'string', enum: ['Ab', 'aB'] }, 'AB'],
    ['2', { enum: [1, 2, 'x'] }, 2],
    ['30m', { type: 'integer', description: 'Seconds that it lasts.' }, 1800],
    ['1d', { type: 'integer', description: 'Minutes that it lasts.' }, 1440],
    ['1500ms', { type: 'integer', description: 'Milliseconds to wait.' }, 1500],
    ['90s', { type: 'integer', description: 'Minutes that it lasts.' }, '90s'],
    ['90s', { type: 'integer', description: 'Connections at once.' }, '90s'],
    ['2h', { type: 'integer', description: 'Hour of the day.' }, '2h'],
    ['2001:DB8::0:1', { type: 'string', format: 'ip-address' }, '2001:db8::1'],
    ['Shop.example', { type: 'string', format: 'host' }, 'Shop.example'],
    ['443', port, 443],
    ['*', port, '*'],
    ['null', { type: ['integer', 'null'] }, null],
    ['0.5', { type: 'number' }, 0.5],
    ['[1, 2]', { type: 'array' }, [1, 2]],
  ];
  for (const [text, schema, expected] of cases)
    it(`${text} of ${JSON.stringify(schema)} is ${JSON.stringify(expected)}`, () =>
      assert.deepEqual(read(text, schema), expected));

  it('is told with what is allowed, where it must be a list', () => {
    assert.throws(() => read('80,90', { type: 'array', maxItems: 5 }), {
      code: 'bad-json',
      hint: 'It must be a list of up to 5 items, written as JSON.',
    });
  });

  it('is none for the dialect of the appliance, where the field could not hold it', () => {
    assert.equal(plainValue('maybe', { type: 'boolean' }), undefined);
    assert.equal(plainValue('12x', { type: 'integer' }), undefined);
  });

  /** `show` prints nothing else. */
  function isValid(kind: Kind, field: string, value: Json): boolean {
    const path = pathOf(kind, 0);
    const problems = catalog.problems(kind, path, { [field]: value });
    return problems.every(problem => !problem.path.startsWith(`${path}/${field}`));
  }

  function valuesOf({ examples, default: usual, enum: listed, const: only }: JsonObject): Json[] {
    const named = [examples, listed].flatMap(list => (Array.isArray(list) ? list : []));
    return [...named, ...[usual, only].filter(value => value !== undefined)];
  }

  it('of every valid field is again what show printed of it', () => {
    let tried = 0;
    fc.assert(
      fc.property(kindWithValue, ([kind, value]) => {
        for (const [field, schema] of Object.entries(kind.schema.properties as JsonObject)) {
          if (!isObject(schema) || schema.writeOnly === true) continue;
          const held = [...valuesOf(schema), ...(value[field] === undefined ? [] : [value[field]])];
          for (const each of held) {
            if (!isValid(kind, field, each)) continue;
            tried++;
            assert.deepEqual(read(JSON.stringify(each), schema), each, `${kind.name} ${field}`);
            if (typeof each === 'string' && wantsText(schema) && !each.startsWith('"'))
              assert.deepEqual(read(each, schema), each, `${kind.name} ${field}, typed`);
          }
        }
      }),
      { numRuns: 300 },
    );
    assert.ok(tried > 1000, `${tried}`);
  });
});
