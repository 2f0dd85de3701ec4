import assert from 'node:assert/strict';
import type { Problem } from '../../schema/error.ts';
import { FORMAT_HINTS, FORMATS } from '../../schema/formats.ts';
import type { Json, JsonObject } from '../../schema/json.ts';
import { schemaAt } from '../../schema/kind.ts';
import { withValueAt } from '../../schema/record.ts';
import { catalog, exampleOf, kindNamed } from './records-of.ts';

const problemsOf = (name: string, value: JsonObject): Problem[] =>
  catalog.problems(kindNamed(name), name, value);
const only = (problems: Problem[]): Problem => {
  assert.equal(problems.length, 1, JSON.stringify(problems));
  return problems[0] as Problem;
};

describe('a record that is not valid', () => {
  it('names the path of the field, its type and what is allowed', () => {
    assert.deepEqual(only(problemsOf('ha', { virtualId: 'x' })), {
      code: 'invalid-value',
      path: 'ha/virtualId',
      message: 'must be integer, not string',
      hint: schemaAt(kindNamed('ha').schema, ['virtualId'])?.description,
    });
    assert.equal(
      only(problemsOf('ha', { virtualId: 256 })).message,
      'must be a whole number from 1 to 255, not 256',
    );
    assert.match(only(problemsOf('ha', { virtualId: 1.5 })).message, /must be integer/);
    assert.match(only(problemsOf('ha', { l4Update: null })).message, /must be boolean, not null/);
    assert.match(only(problemsOf('dns', { nameServers: {} })).message, /must be array, not object/);
    assert.match(only(problemsOf('ha', { timeout: 4 })).message, /one of 3, 6, 9, 12, 15, not this number/);
  });

  it('says in one sentence what one wrong value may be, however the schema says it', () => {
    const cases: [kind: string, value: JsonObject, message: string][] = [
      [
        'virtualService',
        { protocol: 'tcp', address: '10.0.0.1', port: 70000 },
        'must be a whole number from 1 to 65535, or "*", not 70000',
      ],
      [
        'virtualService',
        { protocol: 'tcp', address: '10.0.0.1', port: 'http' },
        'must be a whole number from 1 to 65535, or "*", not "http"',
      ],
      ['ha', { finalPersist: 7 }, 'must be 0, or a whole number from 60 to 86400, not 7'],
      ['interface', { description: '' }, 'must be a text of 1 to 255 characters, not ""'],
      [
        'interface',
        { description: 'x'.repeat(300) },
        'must be a text of 1 to 255 characters, not one of 300',
      ],
      ['ha', { updateInterface: '0' }, 'must be of the form of "eth0", not "0"'],
      ['dns', { nameServers: ['192.0.2.53', '192.0.2.53'] }, 'must not hold the same value twice'],
    ];
    for (const [name, value, message] of cases) assert.equal(only(problemsOf(name, value)).message, message);
  });

  it('names the place inside a field', () => {
    assert.equal(only(problemsOf('dns', { nameServers: ['192.0.2.53', 'x'] })).path, 'dns/nameServers/1');
    assert.equal(
      only(problemsOf('interface', { vlan: { id: 0, parent: 'eth0' } })).path,
      'interface/vlan/id',
    );
  });

  it('names each field that is missing, with what it is', () => {
    const problems = problemsOf('realServer', {});
    assert.deepEqual(
      problems.map(({ message }) => message),
      ['"address" is missing', '"port" is missing'],
    );
    assert.ok(problems.every(({ hint }) => hint !== undefined));
  });

  it('names all that is wrong at once', () => {
    assert.deepEqual(
      problemsOf('ha', { virtualId: 0, style: 'vrrp', l7Update: 1 })
        .map(({ path }) => path)
        .sort(),
      ['ha/l7Update', 'ha/style', 'ha/virtualId'],
    );
  });

  const typos: [kind: string, value: JsonObject, hint: string][] = [
    ['ha', { virtualid: 1 }, 'Did you mean "virtualId"?'],
    ['ha', { prefferedHost: 'none' }, 'Did you mean "preferredHost"?'],
    ['interface', { vlan: { id: 1, parent: 'eth0', paernt: 'eth1' } }, 'Did you mean "parent"?'],
    ['ha', { preferredHost: 'frist' }, 'Did you mean "first"?'],
    ['interface', { purpose: 'Production' }, 'Did you mean "production"?'],
    ['user', { permissions: ['real-server'] }, 'Did you mean "real-servers"?'],
  ];
  for (const [name, value, hint] of typos)
    it(`gets the nearest name for ${JSON.stringify(value)}`, () =>
      assert.equal(only(problemsOf(name, value)).hint, hint));

  it('is not taken for valid by what every object inherits', () => {
    for (const name of ['toString', 'hasOwnProperty', 'valueOf'])
      assert.match(only(problemsOf('ha', { [name]: 1 })).message, new RegExp(`"${name}" is not a field`));
  });
});

describe('a secret that is not valid', () => {
  const MARKER = 'hunter2MARKER';
  const wrong: Json[] = [
    MARKER.repeat(200),
    ` ${MARKER}\u0000`,
    [MARKER],
    { [MARKER]: MARKER },
    { x: [MARKER] },
  ];
  const withSecrets = catalog.kinds.filter(({ secrets }) => secrets.length > 0);

  for (const kind of withSecrets) {
    it(`is never part of what is said: ${kind.name}`, () => {
      const found: Problem[] = [];
      for (const field of kind.secrets) {
        for (const value of wrong) {
          const record = withValueAt(exampleOf(kind), field, value) as JsonObject;
          found.push(...catalog.problems(kind, kind.name, record));
        }
      }
      assert.ok(found.length >= 3 * kind.secrets.length, 'nothing was refused, so nothing was shown');
      assert.equal(JSON.stringify(found).includes(MARKER), false, JSON.stringify(found));
    });
  }
});

const PEM = String((kindNamed('certificate').schema.examples as JsonObject[])[0]?.certificate);
const KEY = '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n';
const HASH = '$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB';

const FORMAT_CASES: Record<string, { good: string[]; bad: string[] }> = {
  'ip-address': {
    good: [
      '10.0.0.1',
      '0.0.0.0',
      '255.255.255.255',
      '::',
      '::1',
      '2001:db8::1',
      '2001:db8:0:1:1:1:1:1',
      'fe80::1',
    ],
    bad: [
      '',
      '010.0.0.1',
      '10.0.0',
      '10.0.0.256',
      '10.0.0.1 ',
      '10.0.0.1/32',
      '0x0a000001',
      '167772161',
      '2001:DB8::1',
      '2001:db8:0::1',
      '2001:db8:0:0:0:0:0:1',
      '::ffff:10.0.0.1',
      '[::1]',
      'fe80::1%eth0',
      '1::2::3',
      'localhost',
      '10.0.0.1\n',
    ],
  },
  'ip-network': {
    good: ['10.0.0.0/8', '10.20.1.11/24', '0.0.0.0/0', '10.0.0.1/32', '2001:db8::/32', '::/0', '::1/128'],
    bad: [
      '10.0.0.0',
      '10.0.0.0/33',
      '10.0.0.0/-1',
      '10.0.0.0/',
      '/8',
      '10.0.0.0/8/8',
      '10.0.0.0/ 8',
      '10.0.0.0/1e1',
      '10.0.0.0/255.0.0.0',
      '::/129',
      '2001:DB8::/32',
      '10.0.0.0/08',
      '10.0.0.0/008',
      '010.0.0.0/8',
    ],
  },
  'dns-name': {
    good: [
      'site.example',
      'a',
      'db1.site.example.',
      '_dmarc.site.example',
      'xn--caf-dma.example',
      'a'.repeat(63),
      '4.3.2.1.in-addr.arpa',
    ],
    bad: [
      '',
      '.',
      '-a.example',
      'a-.example',
      'a..example',
      'a b.example',
      'café.example',
      'a'.repeat(64),
      `${'a.'.repeat(127)}toolong`,
      'a.example\n',
      'a/b',
      '*.example',
    ],
  },
  host: {
    good: ['10.0.0.1', '2001:db8::1', 'app1.site.example'],
    bad: [
      '',
      '2001:DB8::1',
      'http://site.example',
      'site.example:80',
      '[::1]',
      'a b',
      '010.0.0.1',
      '10.0.0.256',
      '10.0.0',
      '1.2.3.4.5',
    ],
  },
  'mac-address': {
    good: ['00:00:5e:00:01:33', 'ff:ff:ff:ff:ff:ff'],
    bad: [
      '00:00:5E:00:01:33',
      '00-00-5e-00-01-33',
      '00:00:5e:00:01',
      '0:0:5e:0:1:33',
      '00:00:5e:00:01:33:44',
      '00:00:5e:00:01:3g',
    ],
  },
  'time-zone': {
    good: ['UTC', 'Europe/Vienna', 'America/New_York'],
    bad: ['', 'Vienna', 'Europe/Wien', 'UTC '],
  },
  'pem-certificate': {
    good: [PEM, PEM + PEM, PEM.replaceAll('\n', '\r\n'), PEM.trim(), `\n${PEM}\n\n`],
    bad: [
      '',
      'x',
      `subject=CN\n${PEM}`,
      `${PEM}end`,
      `${PEM} x ${PEM}`,
      KEY,
      PEM + KEY,
      PEM.replace('END CERTIFICATE', 'END KEY'),
      PEM.replace('MII', 'M!I'),
      PEM.slice(0, -30),
      '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n',
    ],
  },
  'pem-private-key': {
    good: [KEY, KEY.replaceAll('PRIVATE', 'EC PRIVATE'), KEY.replaceAll('PRIVATE', 'RSA PRIVATE')],
    bad: [
      '',
      PEM,
      KEY + PEM,
      `${KEY}x`,
      KEY.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE'),
      KEY.replaceAll('PRIVATE', 'PUBLIC'),
      KEY.replaceAll('PRIVATE', 'OPENSSH PRIVATE'),
    ],
  },
  'ssh-private-key': {
    good: [KEY, ...['EC', 'RSA', 'OPENSSH'].map(kind => KEY.replaceAll('PRIVATE', `${kind} PRIVATE`))],
    bad: [
      '',
      PEM,
      `${KEY}x`,
      KEY.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE'),
      KEY.replaceAll('PRIVATE', 'PUBLIC'),
    ],
  },
  // Of every type: test/schema/ssh-key.test.ts.
  'ssh-public-key': {
    good: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHgHkk+9xxqIZgsbnH5p4cDhLKLEzB46QOY1fTN/QIXH'],
    bad: [
      '',
      KEY,
      'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHgHkk+9xxqIZgsbnH5p4cDhLKLEzB46QOY1fTN/QIXH comment',
      'ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIHgHkk+9xxqIZgsbnH5p4cDhLKLEzB46QOY1fTN/QIXH',
    ],
  },
  'scrypt-hash': {
    good: [HASH],
    bad: [
      '',
      'hunter2',
      HASH.replace('scrypt', 'argon2id'),
      `${HASH} `,
      HASH.replace('ln=15', 'ln=150'),
      HASH.slice(0, 40),
      `${HASH}\n`,
      '$6$rounds=5000$salt$hash',
    ],
  },
};

describe('the formats', () => {
  it('all have good and bad examples here, and words for people', () => {
    assert.deepEqual(Object.keys(FORMAT_CASES).sort(), Object.keys(FORMATS).sort());
    assert.deepEqual(Object.keys(FORMAT_HINTS).sort(), Object.keys(FORMATS).sort());
  });

  for (const [format, { good, bad }] of Object.entries(FORMAT_CASES)) {
    it(`${format} takes one spelling only`, () => {
      for (const text of good)
        assert.equal(FORMATS[format]?.(text), true, `should be taken: ${JSON.stringify(text)}`);
      for (const text of bad)
        assert.equal(FORMATS[format]?.(text), false, `should be refused: ${JSON.stringify(text)}`);
    });
  }

  it('are asked by the kinds, and what is allowed is said', () => {
    assert.equal(
      only(problemsOf('interface', { address: '10.0.0.1/24' })).message,
      `must be ${FORMAT_HINTS['ip-address']}`,
    );
    assert.equal(
      only(problemsOf('time', { timeZone: 'Mars/Olympus' })).message,
      `must be ${FORMAT_HINTS['time-zone']}`,
    );
    assert.equal(only(problemsOf('acme', { directoryUrl: 'not a url' })).message, 'must be a valid uri');
  });
});
