import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { builtInSchemas, Catalog, loadCatalog } from '../../schema/catalog.ts';
import { LockstepError } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import { RULES } from '../../schema/rules/index.ts';
import { openMemory } from '../../store/memory.ts';
import { Store } from '../../store/store.ts';

/** A kind as a site would write it. */
function siteKind(more: JsonObject = {}, name = 'rack'): JsonObject {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: `urn:lockstep:kind:${name}`,
    title: 'Rack',
    description: 'Where a machine stands.',
    recordPath: `${name}s/{id}`,
    recordId: { pattern: '^[a-z0-9-]{1,20}$', description: 'Name of the rack.', examples: ['r1'] },
    part: 'base',
    type: 'object',
    properties: {
      room: { description: 'Room number.', type: 'integer', minimum: 1 },
      pin: { description: 'Opens the door.', type: 'string', writeOnly: true },
      position: { description: 'Height of this unit.', scope: 'unit', type: 'integer' },
      interface: { description: 'Its uplink.', type: 'string', refersTo: ['interfaces'] },
    },
    unevaluatedProperties: false,
    ...more,
  };
}

const field = (property: JsonObject): JsonObject => siteKind({ properties: { it: property } });

describe('the kind of a record', () => {
  const known = [
    'hosts/a',
    'users/bal',
    'users/ada',
    'ha',
    'interfaces/eth0',
    'virtualServices/tcp:10.0.0.1:443',
  ];
  const tail = fc.constantFrom(
    '',
    '/',
    'X',
    '/x',
    '/..',
    '/__proto__',
    '/realServers/10.0.0.2:80',
    '/bal',
    's',
  );

  it('is the same whatever was asked before', () => {
    const asked = loadCatalog();
    const kindOrCode = (catalog: Catalog, path: string): string => {
      try {
        return catalog.kindOf(path).name;
      } catch (error) {
        return (error as LockstepError).code;
      }
    };
    fc.assert(
      fc.property(
        fc.constantFrom(...known),
        fc.array(tail, { maxLength: 3 }),
        fc.nat(3),
        (path, tails, cut) => {
          const odd = path.slice(0, path.length - cut) + tails.join('');
          assert.equal(kindOrCode(asked, odd), kindOrCode(loadCatalog(), odd), odd);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('is not that of a collection because its name begins like one', () => {
    const catalog = loadCatalog();
    catalog.kindOf('hosts/a');
    assert.throws(() => catalog.kindOf('hostsX'), { code: 'unknown-path' });
  });
});

describe("a site's own kinds", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'lockstep-schema.d-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const save = (file: string, content: unknown): void =>
    writeFileSync(join(folder, file), typeof content === 'string' ? content : JSON.stringify(content));

  function refusalOf(content: unknown, file = 'rack.schema.json'): LockstepError {
    for (const old of readdirSync(folder)) rmSync(join(folder, old));
    save(file, content);
    try {
      loadCatalog(folder);
    } catch (error) {
      if (error instanceof LockstepError) return error;
      throw error;
    }
    return assert.fail('it was taken');
  }

  it('may have references in a map, which are looked at like any other', async () => {
    const links = siteKind({ properties: {}, additionalProperties: { type: 'string', refersTo: ['hosts'] } });
    const catalog = new Catalog(builtInSchemas(), [{ file: 'rack.json', schema: links }]);
    const store = await Store.open({ port: openMemory(), catalog, rules: RULES, now: () => new Date() });
    await store.setRole('active', 1);
    const changes = [{ op: 'put' as const, path: 'racks/r1', value: { x: 'nohost' } }];
    await assert.rejects(store.commit({ changes, kind: 'change', author: 'ada', reason: '' }), {
      code: 'dangling-reference',
    });
  });

  it('join the built-in ones', () => {
    save('rack.schema.json', siteKind());
    save('README.txt', 'not a schema');
    const [plain, catalog] = [loadCatalog(), loadCatalog(folder)];
    assert.deepEqual(
      catalog.kinds.map(({ name }) => name).filter(name => plain.kindNamed(name) === undefined),
      ['rack'],
    );
    assert.equal(catalog.kindOf('racks/r1').site, true);
    assert.equal(catalog.kindOf('users/ada').site, false);
    assert.equal(catalog.kindOf('racks/r1').scope, 'mixed');
    assert.throws(() => catalog.resolve('racks/R1'), {
      code: 'bad-id',
      hint: 'Name of the rack. For example: r1',
    });
    assert.throws(() => plain.resolve('racks/r1'), { code: 'unknown-path' });
  });

  it('are set, read, checked, and used in references like any other', async () => {
    save('rack.schema.json', siteKind());
    const catalog = loadCatalog(folder);
    const store = await Store.open({ port: openMemory(), catalog, rules: RULES, now: () => new Date(0) });
    await store.setRole('active', 1);
    const put = (value: JsonObject) =>
      store.commit({
        changes: [{ op: 'put', path: 'racks/r1', value }],
        kind: 'change',
        author: 'ada',
        reason: '',
      });
    await put({ room: 12, pin: '4711', position: 3 });
    assert.deepEqual(await store.read('racks/r1'), { room: 12, pin: '4711', position: 3 });
    await assert.rejects(put({ room: 0 }), { code: 'invalid-value' });
    await assert.rejects(put({ roof: 1 }), { hint: 'Did you mean "room"?' });
    await assert.rejects(put({ interface: 'eth9' }), { code: 'dangling-reference' });
    const [sent] = await store.pairChanges(0, 1);
    assert.deepEqual(sent, { path: 'racks/r1', value: { room: 12, pin: '4711' } });
    await store.close();
  });

  it('may lie below each other', () => {
    save('a.json', siteKind({ recordPath: 'racks/{id}/slots/{id}' }, 'slot'));
    save('b.json', siteKind());
    assert.equal(loadCatalog(folder).kindOf('racks/r1/slots/s1').name, 'slot');
  });

  it('need no folder', () => {
    assert.equal(loadCatalog(join(folder, 'none')).digest, loadCatalog().digest);
    assert.equal(loadCatalog(folder).digest, loadCatalog().digest);
  });

  it('change the digest of the schema, by which the units know that they differ', () => {
    const digest = (): string => loadCatalog(folder).digest;
    save('rack.schema.json', siteKind());
    const one = digest();
    save('rack.schema.json', siteKind({ title: 'A rack' }));
    const other = digest();
    assert.equal(new Set([loadCatalog().digest, one, other]).size, 3);
    assert.match(one, /^[0-9a-f]{64}$/);
  });

  it('give the same digest whatever their files are called and however they are spelled', () => {
    save('1.json', siteKind());
    save('2.json', siteKind({}, 'cage'));
    const one = loadCatalog(folder).digest;
    for (const old of readdirSync(folder)) rmSync(join(folder, old));
    save('z.schema.json', JSON.stringify(Object.fromEntries(Object.entries(siteKind()).reverse()), null, 4));
    save('zz.schema.json', siteKind({}, 'cage'));
    assert.equal(loadCatalog(folder).digest, one);
  });

  const overrides: [what: string, schema: JsonObject, reason: RegExp][] = [
    ['its name', siteKind({ $id: 'urn:lockstep:kind:user' }), /the name "user" is taken/],
    ['its place', siteKind({ recordPath: 'users/{id}' }), /"users" belongs to a built-in kind/],
    ['a place of its own that exists', siteKind({ recordPath: 'ha' }), /"ha" belongs to a built-in kind/],
    ['a user of its own kind', siteKind({ recordPath: 'users/root' }), /"users" belongs to a built-in kind/],
    [
      'something below its collection',
      siteKind({ recordPath: 'virtualServices/{id}/notes/{id}' }),
      /"virtualServices" belongs/,
    ],
    ['something in its group', siteKind({ recordPath: 'geo/notes' }), /"geo" belongs to a built-in kind/],
    ['something below its record', siteKind({ recordPath: 'ha/notes' }), /"ha" belongs to a built-in kind/],
  ];
  for (const [what, schema, reason] of overrides) {
    it(`cannot override a built-in one by ${what}`, () => {
      const { code, message, facts } = refusalOf(schema);
      assert.equal(code, 'bad-schema');
      assert.match(message, reason);
      assert.equal(facts.file, join(folder, 'rack.schema.json'));
    });
  }

  it('are exchanged alike whoever may change them, but where release 0.1.0 counted that', () => {
    const digestOf = (schema: JsonObject): string | undefined =>
      new Catalog(builtInSchemas(), [{ file: 'rack.json', schema }]).kindDigests.rack;
    const field = (more: JsonObject): JsonObject =>
      siteKind({ properties: { label: { type: 'string', ...more } } });
    const plain = digestOf(field({}));
    assert.equal(digestOf(field({ changedBy: 'admin' })), plain);
    assert.equal(digestOf({ ...field({}), changedBy: 'operate' }), plain);
    assert.notEqual(digestOf({ ...field({}), changedBy: 'admin' }), plain);
    const exchanged = (name: string, changedBy: string | undefined): string | undefined =>
      new Catalog(
        builtInSchemas().map(({ file, schema: { changedBy: said, ...rest } }) => ({
          file,
          schema:
            file === `${name}.schema.json`
              ? { ...rest, ...(changedBy && { changedBy }) }
              : { ...rest, ...(said === undefined ? {} : { changedBy: said }) },
        })),
      ).kindDigests[name];
    // A unit of release 0.1.0 has these two as they are below, and would hold back any other.
    assert.equal(loadCatalog().kindDigests.driftAlert, exchanged('driftAlert', undefined));
    assert.notEqual(loadCatalog().kindDigests.user, exchanged('user', undefined));
  });

  const endless: [what: string, schema: JsonObject][] = [
    ['a record by $ref', { $ref: '#' }],
    ['a record by $dynamicRef', { $dynamicRef: '#' }],
    ['a field by $ref', { properties: { it: { allOf: [{ $ref: '#/properties/it' }] } } }],
    [
      'a field by $dynamicRef',
      { properties: { it: { $dynamicAnchor: 'it', allOf: [{ $dynamicRef: '#it' }] } } },
    ],
  ];
  for (const [what, schema] of endless)
    it(`cannot refer from ${what} to itself without an end`, () => {
      const { code, message, facts } = refusalOf(siteKind(schema));
      assert.equal(code, 'bad-schema');
      assert.match(message, /it refers to itself without an end/);
      assert.equal(facts.file, join(folder, 'rack.schema.json'));
    });

  it('that refer to themselves deeper down are refused when a record gets there', () => {
    const loop = {
      anyOf: [{ type: 'null' }, { type: 'object', patternProperties: { x: { $ref: '#/$defs/y' } } }],
    };
    save(
      'rack.schema.json',
      siteKind({ properties: { it: loop }, $defs: { y: { allOf: [{ $ref: '#/$defs/y' }] } } }),
    );
    const catalog = loadCatalog(folder);
    const kind = catalog.kindOf('racks/r1');
    assert.throws(() => catalog.problems(kind, 'racks/r1', { it: { x: 1 } }), {
      code: 'bad-schema',
      message: 'The schema of rack: it refers to itself without an end.',
    });
  });

  it('cannot override each other', () => {
    save('a.json', siteKind());
    save('b.json', siteKind({ recordPath: 'cages/{id}' }));
    assert.throws(() => loadCatalog(folder), {
      code: 'bad-schema',
      message: /b\.json: the name "rack" is taken/,
    });
    save('b.json', siteKind({ $id: 'urn:lockstep:kind:cage' }));
    assert.throws(() => loadCatalog(folder), {
      code: 'bad-schema',
      message: /b\.json: another kind has the place racks/,
    });
  });

  const broken: [what: string, content: unknown, reason: RegExp][] = [
    ['has no $id', siteKind({ $id: 'rack' }), /"\$id" must be/],
    ['has no recordPath', siteKind({ recordPath: null }), /"recordPath" is missing/],
    [
      'has a recordPath that starts with an id',
      siteKind({ recordPath: '{id}/x' }),
      /not a path template: \{id\}/,
    ],
    ['has a recordPath with an empty step', siteKind({ recordPath: 'racks//{id}' }), /not a path template/],
    [
      'has a recordPath with a reserved name',
      siteKind({ recordPath: 'constructor/{id}' }),
      /not a path template/,
    ],
    [
      'lies below what no kind describes',
      siteKind({ recordPath: 'racks/{id}/slots/{id}' }),
      /no kind has the place racks\/\{id\}/,
    ],
    ['has no recordId', siteKind({ recordId: null }), /"recordId" with a "pattern" is missing/],
    ['has a pattern that is none', siteKind({ recordId: { pattern: '([a-z' } }), /pattern.*cannot be used/],
    ['is of an unknown part', siteKind({ part: 'racks' }), /"part" must be one of base, vs, geo, sso, certs/],
    ['is changed by an unknown role', siteKind({ changedBy: 'root' }), /"changedBy" must be one of operate/],
    [
      'says deep in a field who may change it',
      field({ type: 'object', properties: { x: { type: 'string', changedBy: 'admin' } } }),
      /"changedBy" is said of/,
    ],
    ['is of an unknown scope', siteKind({ scope: 'both' }), /"scope" must be "pair" or "unit"/],
    [
      'has a field of an unknown scope',
      field({ type: 'string', scope: 'Unit' }),
      /"scope" must be "pair" or "unit"/,
    ],
    [
      'has a scope deep in a field',
      field({ type: 'object', properties: { x: { type: 'string', scope: 'unit' } } }),
      /"scope" is said of/,
    ],
    [
      'has a unique value deep in a field',
      field({ type: 'array', items: { type: 'string', unique: true } }),
      /"unique" is said of/,
    ],
    [
      'hides a secret in a condition',
      siteKind({ if: {}, else: { properties: { it: { type: 'string', writeOnly: true } } } }),
      /"writeOnly" stands where/,
    ],
    [
      'hides a reference in a definition',
      siteKind({ $defs: { x: { type: 'string', refersTo: ['users'] } } }),
      /"refersTo" stands where/,
    ],
    [
      'requires a field of one unit on both',
      siteKind({ required: ['position'] }),
      /"position" belongs to one unit/,
    ],
    ['describes no object', siteKind({ type: 'string' }), /must describe an object/],
    [
      'takes unknown fields',
      siteKind({ unevaluatedProperties: true }),
      /"unevaluatedProperties" must be false/,
    ],
    ['has a type that does not exist', field({ type: 'text' }), /schema is invalid|type must be/],
    [
      'has a keyword that does not exist',
      field({ type: 'string', maxLenght: 3 }),
      /unknown keyword: "maxLenght"/,
    ],
    ['has a format that does not exist', field({ type: 'string', format: 'ipv5' }), /unknown format "ipv5"/],
    ['refers to a schema that is not there', field({ $ref: 'urn:lockstep:none' }), /can't resolve reference/],
    ['is a list', [siteKind()], /not a JSON object/],
  ];
  for (const [what, content, reason] of broken) {
    it(`are refused by file and reason: one ${what}`, () => {
      const { code, message, hint, facts } = refusalOf(content);
      assert.equal(code, 'bad-schema');
      assert.match(message, reason);
      assert.match(message, /rack\.schema\.json: /);
      assert.match(String(facts.file), /rack\.schema\.json$/);
      assert.ok(hint);
    });
  }

  it('are refused when the file is not strict JSON', () => {
    assert.equal(refusalOf('{"$id": }').code, 'bad-json');
    assert.equal(refusalOf('{"a":1,"a":2}').code, 'duplicate-key');
    assert.equal(refusalOf('').code, 'bad-json');
    assert.equal(refusalOf('{"properties":{"__proto__":{}}}').code, 'reserved-key');
    assert.match(refusalOf('{]').message, /schema\.d-\w+\/rack\.schema\.json, line 1, column 2/);
  });

  it('are refused as a folder where a file should be', () => {
    mkdirSync(join(folder, 'rack.json'));
    assert.throws(() => loadCatalog(folder), {
      code: 'bad-schema',
      message: /rack\.json: it cannot be read/,
    });
  });
});

describe('the built-in kinds', () => {
  it('have one digest, on every unit of a release', () => {
    assert.equal(new Catalog(builtInSchemas()).digest, new Catalog([...builtInSchemas()].reverse()).digest);
  });
});
