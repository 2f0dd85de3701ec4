import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type ConfigRecord, fromDocument, toDocument } from '../../schema/document.ts';
import { canonicalize, type Json } from '../../schema/json.ts';
import { catalog, recordSets } from './records-of.ts';

const SERVICE = 'virtualServices/tcp:10.0.0.1:443';
const SITE: ConfigRecord[] = [
  { path: 'ha', value: { virtualId: 139 } },
  { path: 'users/bal', value: { comment: 'Break-glass' } },
  { path: SERVICE, value: { nickname: 'shop' } },
  { path: `${SERVICE}/realServers/10.0.1.1:80`, value: {} },
  { path: `${SERVICE}/subVirtualServices/api`, value: { weight: 500 } },
];

/** The set with the records that a record lies below, which a document cannot leave out. */
function withParents(records: ConfigRecord[]): ConfigRecord[] {
  const all = new Map(records.map(record => [record.path, record]));
  for (const { path } of records) {
    const parts = path.split('/');
    for (let length = 1; length < parts.length; length++) {
      const above = parts.slice(0, length).join('/');
      if (catalog.resolve(above).type === 'record' && !all.has(above))
        all.set(above, { path: above, value: {} });
    }
  }
  return [...all.values()];
}

const sorted = (records: ConfigRecord[]): ConfigRecord[] =>
  [...records].sort((a, b) => (a.path < b.path ? -1 : 1));

describe('the document of a configuration', () => {
  it('nests what lies below a record in it', () => {
    assert.deepEqual(toDocument(SITE), {
      ha: { virtualId: 139 },
      users: { bal: { comment: 'Break-glass' } },
      virtualServices: {
        'tcp:10.0.0.1:443': {
          nickname: 'shop',
          realServers: { '10.0.1.1:80': {} },
          subVirtualServices: { api: { weight: 500 } },
        },
      },
    });
    assert.deepEqual(toDocument([]), {});
  });

  it('gives back the records that it was made of', () => {
    fc.assert(
      fc.property(recordSets.map(withParents), records => {
        assert.deepEqual(sorted(fromDocument(catalog, toDocument(records))), sorted(records));
      }),
      { numRuns: 300 },
    );
  });

  it('does not depend on the order of the records', () => {
    fc.assert(
      fc.property(recordSets, records => {
        assert.equal(canonicalize(toDocument(records)), canonicalize(toDocument([...records].reverse())));
      }),
    );
  });

  it('may stand at a record, a collection or a group', () => {
    for (const path of [SERVICE, 'virtualServices', `${SERVICE}/subVirtualServices`, 'users', 'ha', '']) {
      const here = SITE.filter(
        record => path === '' || record.path === path || record.path.startsWith(`${path}/`),
      );
      assert.deepEqual(fromDocument(catalog, toDocument(here, path), path), here, path);
    }
    assert.deepEqual(fromDocument(catalog, { ada: {} }, '/users/'), [{ path: 'users/ada', value: {} }]);
  });

  it('that names a collection and nothing in it has no records', () => {
    assert.deepEqual(fromDocument(catalog, { users: {}, geo: { fqdns: {} } }), []);
  });

  const notObjects: [document: Json, at: string, path: string][] = [
    [null, '', ''],
    [[], '', ''],
    ['text', 'ha', 'ha'],
    [{ ha: 3 }, '', 'ha'],
    [{ users: { ada: 'root' } }, '', 'users/ada'],
    [{ geo: { fqdns: [] } }, '', 'geo/fqdns'],
    [{ realServers: { '10.0.1.1:80': true } }, SERVICE, `${SERVICE}/realServers/10.0.1.1:80`],
  ];
  for (const [document, at, path] of notObjects) {
    it(`is refused where ${path || 'the whole'} is ${JSON.stringify(document).slice(0, 30)} and no object`, () => {
      assert.throws(() => fromDocument(catalog, document, at), {
        code: 'invalid-value',
        message: `${path || 'The document'} must be an object.`,
        facts: { path },
      });
    });
  }

  it('is refused for a name that does not exist, with the nearest one', () => {
    assert.throws(() => fromDocument(catalog, { hots: {} }), {
      code: 'unknown-path',
      hint: 'Did you mean "hosts"?',
    });
    assert.throws(() => fromDocument(catalog, { geo: { cluster: {} } }), {
      hint: 'Did you mean "clusters"?',
    });
    assert.throws(() => fromDocument(catalog, { certificates: { '..': {} } }), { code: 'bad-id' });
    assert.throws(() => fromDocument(catalog, {}, 'ha/timeout'), { code: 'unknown-path' });
  });

  it('is refused where a key is more than one step of a path, or none', () => {
    for (const document of [
      { 'users/ada': {} },
      { '': {} },
      { users: { '': {} } },
      { users: { 'ada/comment': {} } },
      { certificates: { '../x': {} } },
    ])
      assert.throws(() => fromDocument(catalog, document), { code: 'bad-id' }, JSON.stringify(document));
  });

  it('leaves an unknown field to the schema, which names it', () => {
    const [record] = fromDocument(catalog, { ha: { timout: 3 } });
    const [problem] = catalog.problems(catalog.kindOf('ha'), 'ha', record?.value ?? {});
    assert.equal(problem?.hint, 'Did you mean "timeout"?');
  });

  it('is refused with a reserved name, wherever it stands', () => {
    for (const text of [
      '{"__proto__":{}}',
      '{"ha":{"__proto__":{"timeout":3}}}',
      '{"users":{"constructor":{}}}',
      '{"ha":{"a":[{"prototype":1}]}}',
    ])
      assert.throws(() => fromDocument(catalog, JSON.parse(text)), { code: 'reserved-key' });
  });
});
