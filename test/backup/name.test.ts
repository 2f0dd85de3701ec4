import assert from 'node:assert/strict';
import { bundleName, dateNamed, kindNamed, numbered } from '../../backup/name.ts';

describe('the name of a bundle', () => {
  const at = new Date(2026, 10, 22, 4, 30);

  it('has the unit and the minute, and is a plain file name whatever the unit is called', () => {
    assert.equal(bundleName('ha1', at), 'ha1_2026-11-22.04-30.lockstep');
    assert.equal(bundleName('../ä b', at), '---b_2026-11-22.04-30.lockstep');
    assert.equal(bundleName('...', at), 'unit_2026-11-22.04-30.lockstep');
  });

  it('tells when it was made, of the second one in a minute a little later, or nothing', () => {
    for (const kind of ['configuration', 'certificates'] as const) {
      const name = bundleName('ha_1', at, kind);
      assert.deepEqual(dateNamed(`/a/b/${name}`), at);
      assert.deepEqual(dateNamed(numbered(name, 2)), new Date(at.getTime() + 1));
      assert.deepEqual(dateNamed(numbered(name, 10)), new Date(at.getTime() + 9));
    }
    for (const name of ['site.lockstep', 'a_2026-02-30.04-30.lockstep', 'a_2026-11-22.24-00.lockstep'])
      assert.equal(dateNamed(name), undefined, name);
    assert.equal(dateNamed('ha1_2026-11-22.04-30.tar'), undefined);
  });

  it('tells the kind, also that of the second one in a minute', () => {
    for (const kind of ['configuration', 'certificates'] as const) {
      const name = bundleName('ha1', at, kind);
      for (const number of [1, 2, 3]) assert.equal(kindNamed(numbered(name, number)), kind);
    }
    assert.equal(numbered(bundleName('ha1', at, 'certificates'), 2), 'ha1_2026-11-22.04-30-2.certs.lockstep');
    assert.equal(numbered('other.file', 2), 'other.file-2');
  });
});
