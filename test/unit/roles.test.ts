import assert from 'node:assert/strict';
import { loadCatalog } from '../../schema/catalog.ts';
import { guardOf, mayDo, OPERATOR_ROLES } from '../../unit/roles.ts';

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
  const change = (path: string) => ({ path, kind: catalog.kindOf(path) });
  const forAdmins = [
    'operators/ada',
    'unitOperators/ada',
    'users/ada',
    'users/bal',
    'authentication',
    'backupSchedule',
    'email',
  ];

  it('nobody but an admin touches what says who may do what', () => {
    const named = catalog.kinds.filter(({ changedByAdmin }) => changedByAdmin).map(({ name }) => name);
    assert.deepEqual(new Set(forAdmins.map(path => catalog.kindOf(path).name)), new Set(named));
    for (const path of forAdmins) {
      const changes = [change('ha'), change(path), change('interfaces/eth0')];
      for (const role of ['read', 'operate'] as const)
        assert.throws(() => guardOf(role)?.(changes), {
          code: 'role-refused',
          facts: { role, needed: 'admin' },
        });
      assert.equal(guardOf('admin'), undefined);
    }
  });

  it('everything else may be changed without being admin', () => {
    assert.doesNotThrow(() =>
      guardOf('operate')?.([change('ha'), change('virtualServices/tcp:10.0.0.1:443')]),
    );
  });
});
