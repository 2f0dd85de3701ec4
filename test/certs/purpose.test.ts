import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkCertificate } from '../../certs/check.ts';
import { bits } from '../../certs/der.ts';
import { extension, issue, keysOf, type Made, NOW, type Wish } from './ca.ts';
import { workFolder } from './openssl.ts';

const EKU = {
  server: '1.3.6.1.5.5.7.3.1',
  client: '1.3.6.1.5.5.7.3.2',
  code: '1.3.6.1.5.5.7.3.3',
  mail: '1.3.6.1.5.5.7.3.4',
  any: '2.5.29.37.0',
  msSGC: '1.3.6.1.4.1.311.10.3.3',
  nsSGC: '2.16.840.1.113730.4.1',
  own: '1.3.6.1.4.1.99999.7',
};
const PURPOSES: (keyof typeof EKU)[][] = [
  [],
  ['server'],
  ['client'],
  ['code'],
  ['any'],
  ['client', 'server'],
  ['msSGC'],
  ['nsSGC', 'mail'],
  ['own', 'code'],
];
/** Bits of the key usage. */
const USAGES: (number[] | undefined)[] = [undefined, [0], [2], [4], [6], [5, 6], [0, 5], [1], [0, 2], [8]];
const AUTHORITIES = [undefined, false, true];
/** Netscape's type of certificate, as the first byte of its bits. */
const NETSCAPE: (number | undefined)[] = [undefined, 0x40, 0x80, 0xc0, 0x07];

interface Case {
  story: string;
  leaf: Made;
}

const KEYS = keysOf('p256', 0);
const purposes = (names: (keyof typeof EKU)[]): Pick<Wish, 'purposes'> =>
  names.length === 0 ? {} : { purposes: names.map(name => EKU[name]) };
const netscape = (byte: number | undefined): Pick<Wish, 'extra'> =>
  byte === undefined ? {} : { extra: [extension('2.16.840.1.113730.1.1', bits(Buffer.of(byte)))] };

/** Every combination below one issuer; undefined: each signs itself. */
function casesBelow(issuer: Made | undefined): Case[] {
  const cases: Case[] = [];
  const add = (story: string, wish: Wish): void => {
    cases.push({ story, leaf: issue({ names: ['www.site.example'], keys: KEYS, issuer, ...wish }) });
  };
  for (const names of PURPOSES)
    for (const usage of USAGES)
      for (const ca of AUTHORITIES)
        add(`purposes ${names.join() || '-'}, usage ${usage ?? '-'}, CA ${ca ?? '-'}`, {
          ...purposes(names),
          ...(usage === undefined ? {} : { usage }),
          ...(ca === undefined ? {} : { ca }),
        });
  for (const byte of NETSCAPE)
    for (const names of [[], ['server'], ['client']] as const)
      add(`Netscape ${byte ?? '-'}, purposes ${names.join() || '-'}`, {
        ...purposes([...names]),
        ...netscape(byte),
      });
  return cases;
}

describe('what a certificate may be used for', () => {
  const folder = workFolder();
  const root = issue({ commonName: 'Root', ca: true, usage: [5, 6] });

  /** Which of the leaves OpenSSL takes for a TLS server: one process for all. */
  function taken(cases: Case[], trusted: Made[], between: Made[]): boolean[] {
    const pems = (name: string, members: Made[]): string => {
      writeFileSync(join(folder, name), members.map(({ pem }) => pem).join(''));
      return name;
    };
    const files = cases.map(({ leaf }, index) => pems(`${index}.pem`, [leaf]));
    const trust = ['-no-CApath', '-no-CAstore', '-CAfile', pems('roots.pem', trusted)];
    const untrusted = between.length === 0 ? [] : ['-untrusted', pems('between.pem', between)];
    const time = ['-attime', String(NOW.getTime() / 1_000)];
    const asked = ['verify', '-purpose', 'sslserver', ...trust, ...untrusted, ...time, ...files];
    const { stdout } = spawnSync('openssl', asked, { cwd: folder, encoding: 'utf8', timeout: 60_000 });
    const good = new Set(stdout.split('\n'));
    return files.map(file => good.has(`${file}: OK`));
  }

  function agree(cases: Case[], trusted: Made[], between: Made[]): { good: number; bad: number } {
    const theirs = taken(cases, trusted, between);
    const roots = trusted.map(({ pem }) => pem);
    const intermediates = between.map(({ x509 }) => x509);
    const counts = { good: 0, bad: 0 };
    const differ = cases.flatMap(({ story, leaf }, index) => {
      const found = checkCertificate({ certificate: leaf.pem }, { now: NOW, intermediates, roots });
      const failing = found.filter(({ fails }) => fails);
      counts[failing.length === 0 ? 'good' : 'bad'] += 1;
      const ours = failing.length === 0;
      return ours === theirs[index] ? [] : [`${story}: ours ${failing[0]?.message ?? 'good'}`];
    });
    assert.deepEqual(differ, []);
    return counts;
  }

  it('is what openssl verify -purpose sslserver says, for every kind of certificate', function () {
    this.timeout(60_000);
    const { good, bad } = agree(casesBelow(root), [root], []);
    assert.ok(good > 50 && bad > 50, `${good} good, ${bad} bad`);
  });

  it('is bound by each CA above, the root too', function () {
    this.timeout(60_000);
    const few = (issuer: Made): Case[] => casesBelow(issuer).filter((_, index) => index % 17 === 0);
    for (const names of PURPOSES) {
      const wish: Wish = { ca: true, usage: [5, 6], ...purposes(names) };
      const middle = issue({ ...wish, commonName: 'Middle', issuer: root });
      const low = issue({ commonName: 'Low', ca: true, usage: [5, 6], issuer: middle });
      const top = issue({ ...wish, commonName: 'Other root' });
      agree(few(middle), [root], [middle]);
      agree(few(low), [root], [low, middle]);
      agree(few(top), [top], []);
    }
  });

  it('is told in words: whose, and by which extension', () => {
    const told = (leaf: Wish, above: Wish = {}, use?: 'intermediate'): string[] => {
      const ca = issue({ commonName: 'CA', ca: true, issuer: root, ...above });
      const made = issue({ names: ['www.site.example'], issuer: ca, ...leaf });
      const options = { now: NOW, intermediates: [ca.x509, root.x509], ...(use && { use }) };
      return checkCertificate({ certificate: made.pem }, options).map(
        ({ code, message, fails }) => `${fails ? '' : 'warning '}${code}: ${message}`,
      );
    };
    assert.deepEqual(told(purposes(['client', 'mail'])), [
      'not-for-servers: it is not for servers: its extendedKeyUsage says clientAuth, emailProtection',
    ]);
    assert.deepEqual(told({ usage: [6] }), [
      'not-for-servers: it is not for servers: its keyUsage says cRLSign',
    ]);
    assert.deepEqual(told({}, purposes(['client'])), [
      'issuer-not-for-servers: its issuer "CN=CA" may not issue certificates for servers: its extendedKeyUsage says clientAuth',
    ]);
    assert.deepEqual(told({ usage: [2] }), [
      'warning key-may-not-sign: its key may not sign (keyUsage keyEncipherment), so TLS 1.3 and most clients cannot use it',
    ]);
    assert.deepEqual(told({ ca: true, usage: [5, 6] }, {}, 'intermediate'), []);
    assert.deepEqual(told({ ca: true, ...purposes(['client']) }, purposes(['client']), 'intermediate'), [
      'warning issuer-not-for-servers: it may not issue certificates for servers: its extendedKeyUsage says clientAuth',
      'warning issuer-not-for-servers: its issuer "CN=CA" may not issue certificates for servers: its extendedKeyUsage says clientAuth',
    ]);
  });
});
