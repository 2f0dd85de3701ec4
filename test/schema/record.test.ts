import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Json, JsonObject } from '../../schema/json.ts';
import {
  idFrom,
  joinRecord,
  MASK,
  maskSecrets,
  splitRecord,
  unitScopedFields,
  unmaskSecrets,
  valueAt,
  withDefaults,
  withIdentity,
  withValueAt,
} from '../../schema/record.ts';
import { catalog, kindNamed, kindWithValue, pathOf } from './records-of.ts';

describe('the two halves of a record', () => {
  it('joined are the record', () => {
    fc.assert(
      fc.property(kindWithValue, ([kind, value]) => {
        assert.deepEqual(joinRecord(kind, splitRecord(kind, value)), value);
      }),
      { numRuns: 500 },
    );
  });

  it('part the fields of the unit from those of the pair', () => {
    fc.assert(
      fc.property(kindWithValue, ([kind, value]) => {
        const { pair, unit } = splitRecord(kind, value);
        assert.deepEqual(
          unitScopedFields(kind, pair ?? {}).filter(() => pair !== undefined),
          [],
        );
        for (const field of Object.keys(unit ?? {}))
          assert.ok(kind.unitFields.has(field), `${kind.name}.${field}`);
        assert.equal(pair === undefined, kind.scope === 'unit');
        if (kind.scope === 'pair') assert.equal(unit, undefined);
      }),
      { numRuns: 500 },
    );
  });

  it('of a mixed record are there as long as the pair half is', () => {
    const ha = kindNamed('ha');
    assert.equal(joinRecord(ha, { pair: undefined, unit: { mode: 'first' } }), undefined);
    assert.deepEqual(joinRecord(ha, { pair: {}, unit: undefined }), {});
  });

  it('of the user bal: the password stays, the rest travels', () => {
    const value = { passwordHash: '$scrypt$…', comment: 'Break-glass' };
    assert.deepEqual(splitRecord(kindNamed('bal'), value), {
      pair: { comment: 'Break-glass' },
      unit: { passwordHash: '$scrypt$…' },
    });
    assert.deepEqual(unitScopedFields(kindNamed('bal'), value), ['passwordHash']);
    assert.deepEqual(unitScopedFields(kindNamed('time'), { timeZone: 'UTC' }), ['(the whole record)']);
  });
});

const SECRET = 'hunter2-MARKER';
const withSecrets = catalog.kinds.filter(({ secrets }) => secrets.length > 0);

describe('a masked record', () => {
  for (const kind of withSecrets) {
    it(`shows no secret of ${kind.name}`, () => {
      for (const secret of [SECRET, { deep: [SECRET] }, [SECRET], 42]) {
        const value = kind.secrets.reduce<Json>((record, field) => withValueAt(record, field, secret), {
          other: 1,
        });
        const masked = maskSecrets(kind, value as JsonObject);
        assert.equal(JSON.stringify(masked).includes(SECRET), false);
        for (const field of kind.secrets) assert.equal(valueAt(masked, field), MASK);
        assert.equal(masked.other, 1);
      }
    });
  }

  it('has the fields of the record, and nothing more', () => {
    fc.assert(
      fc.property(kindWithValue, ([kind, value]) => {
        const before = structuredClone(value);
        assert.deepEqual(Object.keys(maskSecrets(kind, value)), Object.keys(value));
        assert.deepEqual(value, before);
      }),
    );
  });

  it('is the record again, where its secrets are known', () => {
    fc.assert(
      fc.property(kindWithValue, fc.nat(3), ([kind, value], pick) => {
        assert.deepEqual(unmaskSecrets(kind, pathOf(kind, pick), maskSecrets(kind, value), value), value);
      }),
      { numRuns: 500 },
    );
  });

  it('may bring a new secret among masked ones', () => {
    const kind = kindNamed('ssoDomain');
    const current = { authType: 'ldap', ldapPassword: 'old', testPassword: 'keep' };
    const given = { authType: 'ldap', ldapPassword: 'new', testPassword: MASK };
    assert.deepEqual(unmaskSecrets(kind, 'sso/domains/STAFF', given, current), {
      ...current,
      ldapPassword: 'new',
    });
  });

  it('is refused where there is no secret to keep', () => {
    const kind = kindNamed('snmp');
    for (const current of [undefined, {}, { v3Password: 'other' }]) {
      assert.throws(() => unmaskSecrets(kind, 'snmp', { community: MASK }, current), {
        code: 'secret-unknown',
        facts: { path: 'snmp', field: 'community' },
      });
    }
  });

  it('keeps a text that only looks like a mask where no secret stands', () => {
    const value = { comment: MASK };
    assert.deepEqual(unmaskSecrets(kindNamed('user'), 'users/ada', value, undefined), value);
  });
});

describe('what an id spells out', () => {
  const spelled: [path: string, fields: JsonObject][] = [
    ['virtualServices/tcp:10.0.0.1:443', { protocol: 'tcp', address: '10.0.0.1', port: 443 }],
    ['virtualServices/udp:[2001:db8::1]:53', { protocol: 'udp', address: '2001:db8::1', port: 53 }],
    ['virtualServices/tcp:10.0.0.1:*', { protocol: 'tcp', address: '10.0.0.1', port: '*' }],
    ['virtualServices/tcp:[::1]:*', { protocol: 'tcp', address: '::1', port: '*' }],
    [
      'virtualServices/tcp:10.0.0.1:443/realServers/app1.site.example:8080',
      { address: 'app1.site.example', port: 8080 },
    ],
    ['virtualServices/tcp:10.0.0.1:443/realServers/[2001:db8::7]:80', { address: '2001:db8::7', port: 80 }],
    ['geo/fqdns/shop.site.example/sites/[2001:db8::10]', { address: '2001:db8::10' }],
    ['geo/fqdns/shop.site.example/sites/198.51.100.10', { address: '198.51.100.10' }],
  ];
  for (const [path, fields] of spelled) {
    it(`is filled in: ${path}`, () => {
      const kind = catalog.kindOf(path);
      assert.deepEqual(withIdentity(kind, path, {}), fields);
      assert.deepEqual(withIdentity(kind, path, { ...fields, other: 1 }), { ...fields, other: 1 });
      assert.equal(idFrom(kind, fields), path.slice(path.lastIndexOf('/') + 1));
      assert.deepEqual(catalog.problems(kind, path, fields), []);
    });

    it(`may not be contradicted: ${path}`, () => {
      const kind = catalog.kindOf(path);
      for (const [field, said] of Object.entries(fields)) {
        for (const other of [`${said}0`, null, `[${said}]`]) {
          assert.throws(() => withIdentity(kind, path, { [field]: other }), {
            code: 'id-mismatch',
            facts: { path, field },
          });
        }
      }
    });
  }

  it('is a number where a port is a number: "443" as text contradicts it', () => {
    const path = 'virtualServices/tcp:10.0.0.1:443';
    assert.throws(() => withIdentity(catalog.kindOf(path), path, { port: '443' }), { code: 'id-mismatch' });
  });

  it('is nothing for a free name', () => {
    assert.deepEqual(withIdentity(kindNamed('user'), 'users/ada', { comment: 'x' }), { comment: 'x' });
    assert.equal(idFrom(kindNamed('user'), {}), undefined);
  });
});

describe('one field of a record', () => {
  const fields = fc.array(fc.constantFrom('a', 'b', 'toString', 'hasOwnProperty'), {
    minLength: 1,
    maxLength: 4,
  });
  const objects = fc.dictionary(
    fc.constantFrom('a', 'b', 'c'),
    fc.oneof(fc.nat(), fc.dictionary(fc.constantFrom('a', 'b'), fc.nat(), { noNullPrototype: true })),
    { noNullPrototype: true },
  ) as fc.Arbitrary<JsonObject>;

  it('is what was put there', () => {
    fc.assert(
      fc.property(objects, fields, fc.nat(), (value, field, put) => {
        const before = structuredClone(value);
        assert.deepEqual(valueAt(withValueAt(value, field, put), field), put);
        assert.deepEqual(value, before);
      }),
    );
  });

  it('put twice is put once, and the last one counts', () => {
    fc.assert(
      fc.property(objects, fields, fc.nat(), fc.nat(), (value, field, one, other) => {
        const once = withValueAt(value, field, other);
        assert.deepEqual(withValueAt(withValueAt(value, field, one), field, other), once);
        assert.deepEqual(withValueAt(once, field, other), once);
      }),
    );
  });

  it('that was removed is gone, and only that one', () => {
    fc.assert(
      fc.property(objects, fc.constantFrom('a', 'b', 'c'), (value, name) => {
        const rest = withValueAt(value, [name], undefined);
        assert.equal(valueAt(rest, [name]), undefined);
        assert.deepEqual(withValueAt(rest, [name], 1), { ...value, [name]: 1 });
      }),
    );
  });

  it('that was never there is not what every object inherits', () => {
    for (const name of ['toString', 'constructor', '__proto__', 'length']) {
      assert.equal(valueAt({ list: [] }, [name]), undefined);
      assert.equal(valueAt({ list: [] }, ['list', name]), undefined);
      assert.equal(valueAt('text', [name]), undefined);
    }
  });

  it('of a list is changed, added at its end, or taken out', () => {
    const user = { permissions: ['vs', 'rules'] };
    assert.deepEqual(withValueAt(user, ['permissions', '1'], 'geo'), { permissions: ['vs', 'geo'] });
    assert.deepEqual(withValueAt(user, ['permissions', '2'], 'geo'), { permissions: ['vs', 'rules', 'geo'] });
    assert.deepEqual(withValueAt(user, ['permissions', '0'], undefined), { permissions: ['rules'] });
  });

  for (const item of ['*', '3', '4294967294', '99999999999999999999', '-1', '01', '1.5', '', 'x']) {
    it(`of a list is refused as item "${item}", which would leave a gap or do nothing`, () => {
      const user = { permissions: ['vs', 'rules'] };
      for (const value of ['geo', undefined])
        assert.throws(() => withValueAt(user, ['permissions', item], value), { code: 'unknown-path' });
    });
  }
});

describe('the default of a field', () => {
  it('is shown where nothing was set, and is never kept', () => {
    const ha = kindNamed('ha');
    assert.equal(withDefaults(ha, {}).timeout, 9);
    assert.equal(withDefaults(ha, { timeout: 3 }).timeout, 3);
    assert.equal(withDefaults(ha, {}).virtualId, undefined);
    fc.assert(
      fc.property(kindWithValue, ([kind, value]) => {
        const shown = withDefaults(kind, value);
        assert.deepEqual({ ...shown, ...value }, shown);
        assert.deepEqual(withDefaults(kind, shown), shown);
      }),
    );
  });
});
