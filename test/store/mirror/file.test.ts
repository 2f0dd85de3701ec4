import assert from 'node:assert/strict';
import fc from 'fast-check';
import { loadCatalog } from '../../../schema/catalog.ts';
import { canonicalize } from '../../../schema/json.ts';
import {
  fileOf,
  foldersOf,
  isConfigName,
  parseFile,
  pathOf,
  render,
  topOf,
} from '../../../store/mirror/file.ts';
import { sampleCatalog } from '../sample-kinds.ts';

const catalog = sampleCatalog();
const anyId = fc
  .stringMatching(/^[A-Za-z0-9._:@*-]{1,60}$/)
  .filter(id => !['.', '..', 'constructor', 'prototype', '__proto__', 'root'].includes(id));

describe('mirror: names of files', () => {
  it('a singleton, an object of a collection, one in a group, a literal kind in a collection', () => {
    const files = {
      knob: 'knob.json',
      'things/tcp:10.0.0.1:443': 'things/tcp%3A10.0.0.1%3A443.json',
      'depot/boxes/x': 'depot/boxes/x.json',
      'people/root': 'people/root.json',
    };
    for (const [path, file] of Object.entries(files)) {
      assert.equal(fileOf(path), file);
      assert.equal(pathOf(catalog, file), path);
    }
  });

  it('every id has one name, which needs no quoting and hides no file, and comes back', () => {
    fc.assert(
      fc.property(anyId, id => {
        const file = fileOf(`things/${id}`);
        assert.match(file ?? '', /^things\/(?!\.)[A-Za-z0-9._%-]+\.json$/);
        assert.equal(pathOf(catalog, file ?? ''), `things/${id}`);
      }),
    );
  });

  it('an id too long for a file name has no file', () => {
    assert.equal(fileOf(`things/${'x'.repeat(250)}`)?.length, 'things/'.length + 255);
    assert.equal(fileOf(`things/${'x'.repeat(251)}`), undefined);
  });

  it('other spellings of a name are refused', () => {
    for (const file of [
      'things/a:b.json',
      'things/%61.json',
      'things/%3a.json',
      'things/%.json',
      'things/a%2Fb.json',
      'things/%00.json',
      'things/%2E%2E.json',
      'things/%F0%9F%98%80.json',
      'things/😀.json',
    ]) {
      assert.throws(() => pathOf(catalog, file), { code: 'bad-id' }, file);
    }
    for (const file of [
      'other.json',
      'things.json',
      'depot/boxes.json',
      'things/a/parts/b.json',
      'knob',
      'knob/level.json',
    ]) {
      assert.throws(() => pathOf(catalog, file), { code: 'unknown-path' }, file);
    }
  });

  it('records belong to the highest object on their way', () => {
    assert.equal(topOf(catalog, 'things/a/parts/b/bits/c'), 'things/a');
    assert.equal(topOf(catalog, 'knob'), 'knob');
    assert.equal(topOf(catalog, 'depot/boxes/c'), 'depot/boxes/c');
    assert.equal(topOf(catalog, 'nothing/a'), undefined);
    assert.equal(topOf(catalog, 'things'), undefined);
  });

  it('one folder a collection, parents first', () => {
    assert.deepEqual(foldersOf(catalog), ['', 'things', 'depot', 'depot/boxes', 'people']);
  });

  it('every kind that Lockstep ships has its file', () => {
    const shipped = loadCatalog();
    for (const { template } of shipped.kinds)
      assert.notEqual(
        topOf(shipped, template.join('/').replaceAll('{id}', 'x')),
        undefined,
        template.join('/'),
      );
    const folders = foldersOf(shipped);
    for (const folder of ['virtualServices', 'geo/fqdns', 'users'])
      assert.ok(folders.includes(folder), folder);
    assert.equal(folders.includes('virtualServices/realServers'), false);
  });

  it('what is meant as configuration', () => {
    assert.deepEqual(
      ['a.json', '%2Ea.json', '.a.json', 'a.json~', 'a.json.tmp', 'notes.txt', '.git'].map(isConfigName),
      [true, true, false, false, false, false, false],
    );
  });
});

describe('mirror: content of files', () => {
  const records = [
    { path: 'things/a', value: { label: 'x', password: 'geheim' } },
    { path: 'things/a/parts/p', value: { weight: 1 } },
    { path: 'things/a/parts/p/bits/b', value: {} },
  ];

  it('is what people read: nested, indented, with masked secrets', () => {
    const text = render(catalog, 'things/a', records);
    assert.equal(
      text,
      '{\n  "label": "x",\n  "password": "********",\n  "parts": {\n    "p": {\n      "weight": 1,\n      "bits": {\n        "b": {}\n      }\n    }\n  }\n}\n',
    );
    assert.equal(render(catalog, 'things/a', []), undefined);
  });

  it('what is written is read again as the same records', () => {
    const things = fc.dictionary(anyId, fc.record({ weight: fc.integer() }), { maxKeys: 5 });
    fc.assert(
      fc.property(anyId, fc.record({ label: fc.string(), size: fc.nat() }), things, (id, value, parts) => {
        const path = `things/${id}`;
        const below = Object.entries(parts).map(([part, each]) => ({
          path: `${path}/parts/${part}`,
          value: each,
        }));
        const all = [{ path, value }, ...below];
        const back = parseFile(catalog, path, 'f', Buffer.from(render(catalog, path, all) ?? ''));
        assert.deepEqual(sorted(back), sorted(all));
      }),
    );
  });

  it('an id may be named as what every object inherits', () => {
    const all = [
      { path: 'things/toString', value: {} },
      { path: 'things/toString/parts/valueOf', value: { weight: 1 } },
    ];
    assert.equal(
      render(catalog, 'things/toString', all),
      '{\n  "parts": {\n    "valueOf": {\n      "weight": 1\n    }\n  }\n}\n',
    );
  });
});

function sorted(records: { path: string; value: object }[]): string[] {
  return records.map(record => canonicalize(record as never)).sort();
}
