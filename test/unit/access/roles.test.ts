import assert from 'node:assert/strict';
import { OPERATOR_ROLES } from '../../../api/contract/method.ts';
import { mayDo } from '../../../api/contract/roles.ts';
import { builtInSchemas, Catalog, loadCatalog } from '../../../schema/catalog.ts';
import type { JsonObject } from '../../../schema/json.ts';
import { readKind } from '../../../schema/kind.ts';
import { splitRecord } from '../../../schema/record.ts';
import { guardOf } from '../../../unit/access/roles.ts';

describe('the roles of operators', () => {
  it('each may do what those before it may, and nothing else', () => {
    const table = OPERATOR_ROLES.map(role => OPERATOR_ROLES.map(needed => mayDo(role, needed)));
    assert.deepEqual(table, [
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ]);
  });

  const catalog = loadCatalog();
  const none = { pair: undefined, unit: undefined };
  /** What a commit would do to one record. */
  function change(path: string, was: JsonObject | undefined, is: JsonObject | undefined) {
    const kind = catalog.kindOf(path);
    const halves = (value: JsonObject | undefined) => (value === undefined ? none : splitRecord(kind, value));
    return { path, kind, before: halves(was), after: halves(is) };
  }

  it('nobody but an admin touches what says who may do what, what is run, and where secrets and reports go', () => {
    const whole = catalog.kinds.filter(({ changedBy }) => changedBy === 'admin').map(({ name }) => name);
    assert.deepEqual(whole.sort(), [
      'access',
      'authentication',
      'backupSchedule',
      'bal',
      'driftAlert',
      'email',
      'history',
      'operator',
      'snmp',
      'syslog',
      'unitOperator',
      'user',
      'webAdmin',
      'webCertificate',
    ]);
    const fields = catalog.kinds.flatMap(({ name, fieldsChangedBy }) =>
      [...fieldsChangedBy].map(([field, role]) => `${name}/${field} ${role}`),
    );
    assert.deepEqual(fields.sort(), [
      'ssl/ocspCertChecking admin',
      'ssl/ocspOnServerFail admin',
      'ssl/ocspPort admin',
      'ssl/ocspServer admin',
      'ssl/ocspUrl admin',
      'ssl/ocspUseSsl admin',
      'ssoDomain/authType admin',
      'ssoDomain/kerberosKdc admin',
      'ssoDomain/servers admin',
      'webAdmin/displayLines operate',
      'webAdmin/hoverHelp operate',
    ]);
  });

  it('no kind forgets to say who may change it', () => {
    for (const kind of catalog.kinds) assert.ok(kind.saysChangedBy, kind.name);
  });

  /** Kinds with a secret that who operates may change: why none of their fields sends it to somebody. */
  const harmless: Record<string, string> = {
    certificate: 'a private key is sent nowhere',
    ssoDomain: 'the fields that say to whom are for admins',
    time: 'the key signs and is never sent',
  };

  it('a kind with a secret is for admins, or it is known why its secret stays where it is', () => {
    const open = catalog.kinds.filter(kind => kind.secrets.length > 0 && kind.changedBy === 'operate');
    assert.deepEqual(
      open.map(({ name }) => name),
      Object.keys(harmless),
    );
  });

  const refused: [string, JsonObject | undefined, JsonObject | undefined, place?: string][] = [
    ['operators/ada', undefined, { role: 'read' }],
    ['users/bal', { comment: 'x' }, {}],
    ['access', { minPassword: 12 }, undefined],
    ['access', undefined, {}],
    ['driftAlert', { hook: 'chat' }, { hook: 'other' }],
    ['driftAlert', {}, { recipients: ['eve@evil.example'] }],
    ['webAdmin', { hoverHelp: true }, { hoverHelp: true, enabled: false }],
    ['webAdmin', { hoverHelp: true }, undefined],
    ['webAdmin', {}, { adminCertificate: 'mine' }],
    ['webCertificate', undefined, { certificate: 'x', key: 'y' }],
    ['ssl', { ocspServer: 'a' }, undefined, 'ssl/ocspServer'],
    ['ssl', { renegotiate: true, ocspCertChecking: true }, { renegotiate: true }, 'ssl/ocspCertChecking'],
    ['sso/domains/x', { servers: ['a'] }, { servers: ['evil'] }, 'sso/domains/x/servers'],
  ];
  for (const [path, was, is, place = path] of refused)
    it(`who operates cannot make ${JSON.stringify(was)} at ${path} ${JSON.stringify(is)}`, () => {
      const changes = [change('ha', {}, { virtualId: 7 }), change(path, was, is)];
      assert.throws(() => guardOf('operate')?.(changes), {
        code: 'role-refused',
        facts: { role: 'operate', needed: 'admin', path: place },
      });
      assert.throws(() => guardOf('read')?.(changes), { code: 'role-refused' });
      assert.equal(guardOf('admin'), undefined);
    });

  it('everything else may be changed without being admin, beside what is for admins too', () => {
    assert.doesNotThrow(() =>
      guardOf('operate')?.([
        change('ha', { virtualId: 7 }, { virtualId: 8 }),
        change('virtualServices/tcp:10.0.0.1:443', undefined, { nickname: 'shop' }),
        change('ssl', { ocspServer: 'a' }, { ocspServer: 'a', renegotiate: true }),
        change('webAdmin', { enabled: false }, { enabled: false, hoverHelp: false }),
        change('sso/domains/x', { servers: ['a'], ldapPassword: 'old' }, { servers: ['a'] }),
      ]),
    );
  });

  it('a kind of the site that says nothing is for admins, and the refusal names the line to add', () => {
    const { changedBy: _said, ...schema } = widget('operate');
    const site = new Catalog(builtInSchemas(), [{ file: 'widget.json', schema }]);
    const silent = site.kindNamed('widget') ?? assert.fail();
    const made = { path: 'widgets/a', kind: silent, before: none, after: { pair: {}, unit: undefined } };
    assert.throws(() => guardOf('operate')?.([made]), {
      code: 'role-refused',
      hint: /add "changedBy": "operate" to its file in schema\.d/,
    });
    const kind = readKind(widget('operate'), 'widget.json', true);
    assert.doesNotThrow(() => guardOf('operate')?.([{ ...made, kind }]));
  });

  function widget(changedBy: string): JsonObject {
    return {
      $id: 'urn:lockstep:kind:widget',
      recordPath: 'widgets/{id}',
      recordId: { pattern: '^[a-z]+$' },
      part: 'base',
      changedBy,
      type: 'object',
      properties: { size: { type: 'integer' } },
      unevaluatedProperties: false,
    };
  }
});
