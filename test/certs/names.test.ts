import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import fc from 'fast-check';
import { covers, namesOf } from '../../certs/names.ts';
import { issue, keysOf, mail, nameOf } from './ca.ts';

const KEYS = keysOf('p256', 0);
const made = (names: string[], addresses: Buffer[] = [], commonName = 'www.common.example') =>
  issue({ names, addresses, commonName, keys: KEYS }).x509;

describe('a certificate speaks', () => {
  it('for its names, whatever their case, and with a dot at the end', () => {
    const x509 = made(['WWW.site.example', 'xn--bcher-kva.example']);
    for (const host of [
      'www.site.example',
      'www.SITE.example',
      'www.site.example.',
      'XN--bcher-kva.example',
      'bücher.example',
      'BÜCHER.Example.',
      'bu\u0308cher.example',
    ])
      assert.ok(covers(x509, host), host);
    for (const host of [
      'site.example',
      'a.www.site.example',
      'bücher.example.example',
      'bocher.example',
      '１２７.0.0.1',
      '',
      '.',
      'www.site.example..',
    ])
      assert.ok(!covers(x509, host), host);
  });

  it('with a wildcard for one whole label and no more', () => {
    const x509 = made(['*.site.example', 'w*.else.example', '*', '*.example', 'a.*.example', '*.*.example']);
    for (const host of ['www.site.example', 'xn--bcher-kva.site.example', 'a-b.site.example'])
      assert.ok(covers(x509, host), host);
    for (const host of [
      'site.example',
      '.site.example',
      'a.b.site.example',
      'www.else.example',
      'else.example',
      'a.b.example',
      '*.site.example',
      'example',
      'localhost',
    ])
      assert.ok(!covers(x509, host), host);
  });

  it('for addresses only where it names addresses', () => {
    const x509 = made(
      ['10.0.0.1', '*.0.0.2'],
      [Buffer.of(10, 0, 0, 3), Buffer.from(`20010db8${'0'.repeat(23)}1`, 'hex')],
    );
    for (const host of ['10.0.0.3', '2001:db8::1', '2001:DB8:0:0::1']) assert.ok(covers(x509, host), host);
    for (const host of ['10.0.0.1', '10.0.0.2', '::1', '2001:db8::2']) assert.ok(!covers(x509, host), host);
    assert.ok(!covers(made([], [], '10.0.0.1'), '10.0.0.1'));
  });

  it('by its common name only where it has no other names at all', () => {
    assert.ok(covers(made([]), 'www.common.example'));
    assert.ok(!covers(made(['www.site.example']), 'www.common.example'));
    assert.ok(!covers(made([], [Buffer.of(10, 0, 0, 1)]), 'www.common.example'));
    const mailed = issue({
      commonName: 'www.common.example',
      alternatives: [mail('a@site.example')],
      keys: KEYS,
    });
    assert.ok(!covers(mailed.x509, 'www.common.example'));
    assert.deepEqual(namesOf(issue({ name: nameOf(), keys: KEYS }).x509), []);
  });

  it('as OpenSSL says, for any names and hosts', () => {
    const label = fc.constantFrom('www', 'a', 'xn--a', 'site', 'example', 'a-b', 'A');
    const host = fc.array(label, { minLength: 2, maxLength: 4 }).map(labels => labels.join('.'));
    const name = fc.tuple(fc.boolean(), host).map(([wild, text]) => (wild ? `*.${text}` : text));
    const options = { subject: 'never', partialWildcards: false } as const;
    fc.assert(
      fc.property(
        fc.array(name, { minLength: 1, maxLength: 3 }),
        fc.array(host, { minLength: 1 }),
        (names, hosts) => {
          const { x509, der } = issue({ names, keys: KEYS });
          const openssl = new X509Certificate(der);
          for (const each of [...hosts, ...names.map(text => text.replace('*', 'www'))])
            assert.equal(
              covers(x509, each),
              openssl.checkHost(each, options) !== undefined,
              `${names} ${each}`,
            );
        },
      ),
      { numRuns: 200 },
    );
  });

  it('for no host that is neither a name nor an address, and throws for none', () => {
    const x509 = made(['*.site.example', 'site.example']);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), text => {
        const fits = covers(x509, text);
        assert.ok(!fits || isIP(text) === 0);
        assert.ok(!covers(x509, `${text}\u0000.site.example`));
      }),
    );
  });
});
