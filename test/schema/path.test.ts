import assert from 'node:assert/strict';
import fc from 'fast-check';
import { loadCatalog } from '../../schema/catalog.ts';
import { LockstepError } from '../../schema/error.ts';
import { idOf, parentPath, suggest, type Target } from '../../schema/path.ts';

const catalog = loadCatalog();

/** `group`, or the kind's name, then the field. */
function meaning(path: string): string {
  const target = catalog.resolve(path);
  if (target.type === 'group') return `group ${target.path}`;
  return target.type === 'record'
    ? `${target.kind.name} ${target.path}`
    : `${target.kind.name} ${target.path} . ${target.field.join('.')}`;
}

function refusalOf(path: string): LockstepError {
  try {
    catalog.resolve(path);
  } catch (error) {
    if (error instanceof LockstepError) return error;
    throw error;
  }
  return assert.fail(`${path} was taken`);
}

describe('a path', () => {
  const good: [path: string, means: string][] = [
    ['', 'group '],
    ['virtualServices', 'group virtualServices'],
    ['geo', 'group geo'],
    ['geo/fqdns', 'group geo/fqdns'],
    ['ha', 'ha ha'],
    ['geo/settings', 'geoSettings geo/settings'],
    ['users/ada', 'user users/ada'],
    ['users/bal', 'bal users/bal'],
    ['users/Bal', 'user users/Bal'],
    ['virtualServices/tcp:10.0.0.1:443', 'virtualService virtualServices/tcp:10.0.0.1:443'],
    ['virtualServices/udp:[2001:db8::1]:*', 'virtualService virtualServices/udp:[2001:db8::1]:*'],
    ['virtualServices/tcp:10.0.0.1:443/realServers', 'group virtualServices/tcp:10.0.0.1:443/realServers'],
    [
      'virtualServices/tcp:10.0.0.1:443/subVirtualServices/api/realServers/app1:80',
      'subRealServer virtualServices/tcp:10.0.0.1:443/subVirtualServices/api/realServers/app1:80',
    ],
    ['ha/virtualId', 'ha ha . virtualId'],
    ['users/bal/passwordHash', 'bal users/bal . passwordHash'],
    ['virtualServices/tcp:10.0.0.1:443/enable', 'virtualService virtualServices/tcp:10.0.0.1:443 . enable'],
    ['interfaces/eth1.20/vlan/parent', 'interface interfaces/eth1.20 . vlan.parent'],
    ['interfaces/bond0/bonding/members/1', 'interface interfaces/bond0 . bonding.members.1'],
    ['users/ada/permissions/0', 'user users/ada . permissions.0'],
  ];
  for (const [path, means] of good)
    it(`${path || '(empty)'} means ${means}`, () => assert.equal(meaning(path), means));

  it('may begin and end with one slash', () => {
    for (const path of ['/ha', 'ha/', '/ha/', '/users/ada/permissions/']) {
      assert.equal(meaning(path), meaning(path.replaceAll(/^\/|\/$/g, '')));
    }
    assert.equal(meaning('/'), 'group ');
  });

  for (const path of ['users//ada', 'ha//virtualId', '//ha', 'ha//', 'virtualServices//', '///']) {
    it(`${path} is refused: nothing stands between two slashes`, () => {
      assert.match(refusalOf(path).code, /^(unknown-path|bad-id)$/);
    });
  }

  it('of one record is not that of a collection, a group or a field', () => {
    assert.equal(catalog.kindOf('ha').name, 'ha');
    for (const path of ['', 'users', 'geo', 'ha/virtualId', 'ha/', '/ha'])
      assert.throws(() => catalog.kindOf(path), { code: 'unknown-path', facts: { path } });
  });

  it('knows what it lies below', () => {
    const above = (path: string): string | undefined => parentPath(catalog.kindOf(path), path);
    const service = 'virtualServices/tcp:10.0.0.1:443';
    assert.equal(above('ha'), undefined);
    assert.equal(above('geo/clusters/north'), undefined);
    assert.equal(above(service), undefined);
    assert.equal(above(`${service}/realServers/app1:80`), service);
    assert.equal(
      above(`${service}/subVirtualServices/api/realServers/app1:80`),
      `${service}/subVirtualServices/api`,
    );
    assert.equal(idOf(`${service}/realServers/app1:80`), 'app1:80');
  });
});

describe('an id', () => {
  const bad: [what: string, path: string][] = [
    ['..', 'certificates/..'],
    ['.', 'certificates/.'],
    ['a NUL', 'certificates/a\u0000b'],
    ['an emoji', 'certificates/\u{1f512}'],
    ['a letter with an accent', 'certificates/café'],
    ['a space', 'certificates/my cert'],
    ['a line break', 'certificates/shop\n'],
    ['a percent sign', 'certificates/a%2fb'],
    ['a backslash', 'certificates/a\\b'],
    ['252 characters', `certificates/${'a'.repeat(252)}`],
    ['__proto__', 'certificates/__proto__'],
    ['constructor', 'certificates/constructor'],
    ['prototype', 'users/prototype'],
    ['letters where a port belongs', 'virtualServices/tcp:10.0.0.1:https'],
    ['no protocol', 'virtualServices/10.0.0.1:443'],
    ['an IPv6 address without brackets', 'virtualServices/tcp:2001:db8::1:443'],
    ['a leading zero in the port', 'virtualServices/tcp:10.0.0.1:0443'],
    ['upper-case hexadecimal digits', 'virtualServices/tcp:[2001:DB8::1]:443'],
  ];
  for (const [what, path] of bad) {
    it(`with ${what} is refused, with an example of a good one`, () => {
      const { code, message, hint, facts } = refusalOf(path);
      assert.equal(code, 'bad-id');
      assert.match(String(hint), /For example: \S/);
      assert.equal(facts.collection, path.slice(0, path.indexOf('/')));
      assert.doesNotMatch(message, /\p{Cc}/u);
    });
  }

  it('with a slash is another path, so it never becomes one', () => {
    assert.equal(refusalOf('certificates/a/b').code, 'unknown-path');
    assert.equal(refusalOf('certificates/../../etc/passwd').code, 'bad-id');
  });

  it('of 251 characters is the longest', () => {
    assert.equal(catalog.kindOf(`certificates/${'a'.repeat(251)}`).name, 'certificate');
  });

  it('is never taken from what every object inherits', () => {
    const inherited = Object.getOwnPropertyNames(Object.prototype);
    for (const name of [...inherited, 'prototype', 'length']) {
      for (const path of [
        name,
        `geo/${name}`,
        `ha/${name}`,
        `ha/virtualId/${name}`,
        `users/ada/permissions/${name}`,
        `interfaces/eth0/vlan/${name}`,
      ])
        assert.equal(refusalOf(path).code, 'unknown-path', path);
    }
  });

  it('and every other text either names something or is refused', () => {
    const segment = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.constantFrom(
        'ha',
        'users',
        'bal',
        'geo',
        '..',
        '',
        'virtualServices',
        'constructor',
        'permissions',
        '0',
      ),
    );
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 5 }), segments => {
        try {
          const target: Target = catalog.resolve(segments.join('/'));
          assert.match(target.path, /^[A-Za-z0-9._:@*+=,~[\]/-]*$/);
        } catch (error) {
          assert.ok(error instanceof LockstepError, String(error));
          assert.match(error.code, /^(unknown-path|bad-id)$/);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a path with a typo', () => {
  const typos: [path: string, hint: string][] = [
    ['virtualservices', 'Did you mean "virtualServices"?'],
    ['virtualService/tcp:10.0.0.1:443', 'Did you mean "virtualServices"?'],
    ['user/ada', 'Did you mean "users"?'],
    ['ha/virtualID', 'Did you mean "virtualId"?'],
    ['ha/timout', 'Did you mean "timeout"?'],
    ['geo/fqdn', 'Did you mean "fqdns"?'],
    ['virtualServices/tcp:10.0.0.1:443/realServer/a:1', 'Did you mean "realServers"?'],
    ['interfaces/eth0/vlan/parant', 'Did you mean "parent"?'],
    ['virtualServices/tcp:10.0.0.1:443/nickName', 'Did you mean "nickname"?'],
  ];
  for (const [path, hint] of typos) {
    it(`${path} gets the nearest name`, () => {
      const refusal = refusalOf(path);
      assert.equal(refusal.code, 'unknown-path');
      assert.equal(refusal.hint, hint);
      assert.equal(refusal.facts.path, path);
    });
  }

  it('is told where it is wrong', () => {
    assert.equal(
      refusalOf('interfaces/eth0/vlan/parant').message,
      'There is no "parant" in interfaces/eth0/vlan.',
    );
    assert.equal(refusalOf('ha/virtualId/1').message, 'There is no "1" in ha/virtualId.');
  });

  it('that is near to nothing gets the names that there are', () => {
    assert.equal(suggest('quite-another', ['one', 'two']), 'Known here: one, two.');
    assert.equal(suggest('quite-another', []), undefined);
    assert.match(String(refusalOf('geo/quite-another').hint), /^Known here: .*fqdns/);
  });

  it('cannot write control characters to a terminal', () => {
    assert.doesNotMatch(refusalOf('\u001b[2J\u0007').message, /\p{Cc}/u);
    assert.doesNotMatch(refusalOf('geo/\u001b[2J/x').message, /\p{Cc}/u);
  });
});
