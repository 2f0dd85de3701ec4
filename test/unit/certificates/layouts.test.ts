import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pem } from '../../../certs/pem.ts';
import { machineClock } from '../../../host/clock.ts';
import { realTimers } from '../../../host/timers.ts';
import { loadCatalog } from '../../../schema/catalog.ts';
import { openMemory } from '../../../store/memory.ts';
import { Store } from '../../../store/store.ts';
import { CertificateService } from '../../../unit/certificates/service.ts';
import { Committing } from '../../../unit/changes/committing.ts';
import { Events } from '../../../unit/events.ts';
import { issue, type Made, type Wish } from '../../certs/ca.ts';
import { openssl } from '../../certs/openssl.ts';
import { until } from '../../e2e/daemon.ts';
import { keptLog } from '../log/kept-log.ts';

const catalog = loadCatalog();
const DAY_MS = 86_400_000;
const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS);
const lasting = { from: inDays(-1), to: inDays(90) };
const ROOT = issue({ commonName: 'Root', ca: true, from: inDays(-9), to: inDays(900) });
const LOW = issue({ commonName: 'Low', ca: true, issuer: ROOT, from: inDays(-9), to: inDays(900) });
const make = (name: string, wish: Wish = {}): Made =>
  issue({ commonName: name, names: [name], issuer: LOW, ...lasting, ...wish });
const request = pem('CERTIFICATE REQUEST', Buffer.from('3003020100', 'hex'));

/** How much time timers of this process lost altogether: a busy machine is no fault of what is measured. */
function watchLateness(): { stop(): number } {
  const everyMs = 20;
  let [late, last] = [0, performance.now()];
  const timer = setInterval(() => {
    const now = performance.now();
    late += Math.max(0, now - last - 2 * everyMs);
    last = now;
  }, everyMs);
  return {
    stop() {
      clearInterval(timer);
      return late;
    },
  };
}

describe('certs.d takes what programs drop', function () {
  this.timeout(60_000);
  let folder: string;
  let store: Store;
  let room: CertificateService;
  let events: Events;
  let log: ReturnType<typeof keptLog>;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lockstep-layouts-'));
    store = await Store.open({ port: openMemory(), catalog, rules: [], now: () => new Date() });
    await store.commit({
      changes: [{ op: 'put', path: 'host', value: { hostname: 'lb-a' } }],
      kind: 'init',
      author: 'ada',
      reason: 'r',
    });
    await store.setRole('active', 1);
    log = keptLog();
    await start();
  });
  afterEach(async () => {
    await room.stop();
    await store.close();
    rmSync(folder, { recursive: true });
  });

  async function start(): Promise<void> {
    const nobody = async (): Promise<never> => assert.fail('there is no partner');
    const updates = { force: nobody, tryOut: nobody };
    const connections = { activePartner: () => undefined };
    events = new Events(log.log);
    room = new CertificateService({
      store,
      catalog,
      committing: new Committing(updates, connections, machineClock, () => 0),
      events,
      folder: join(folder, 'certs.d'),
      bootId: 'boot-1',
      timers: realTimers,
      now: () => new Date(),
      log: log.log,
    });
    room.start();
    await room.settled();
  }

  const at = (path: string): string => join(folder, path.startsWith('/') ? path.slice(1) : `certs.d/${path}`);
  /** Paths below certs.d, or beside it when they begin with a slash. */
  function write(files: Record<string, string | Buffer>): void {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(dirname(at(path)), { recursive: true });
      writeFileSync(at(path), content, { mode: 0o600 });
    }
  }
  function link(path: string, target: string): void {
    mkdirSync(dirname(at(path)), { recursive: true });
    symlinkSync(target, `${at(path)}.tmp`);
    renameSync(`${at(path)}.tmp`, at(path));
  }
  async function holds(name: string, made: Made, chain = LOW.pem): Promise<void> {
    await until(`${name} is taken`, async () => {
      const value = await store.read(`certificates/${name}`);
      return value?.key === made.keyPem && String(value.certificate).startsWith(made.pem + chain);
    });
  }
  const told = (): Map<string, string> =>
    new Map(
      room
        .warnings()
        .filter(({ path }) => path.startsWith('certs.d/'))
        .map(({ path, code, message }) => [path.slice('certs.d/'.length), `${code}: ${message}`]),
    );

  it('in the layouts of acme.sh, certbot, Kubernetes, Caddy, lego, dehydrated, win-acme and HAProxy', async () => {
    const names = 'acme certbot kubernetes caddy lego dehydrated winacme haproxy debian upper bare'.split(
      ' ',
    );
    const made = Object.fromEntries(names.map(name => [name, make(`${name}.example`)])) as Record<
      string,
      Made
    >;
    const { acme, certbot, kubernetes, caddy, lego, dehydrated, winacme, haproxy, debian, upper, bare } =
      made;
    const old = make('dehydrated.example', { from: inDays(-80), to: inDays(10) });
    const [full, part] = [(one?: Made) => `${one?.pem}${LOW.pem}`, (one?: Made) => String(one?.pem)];
    const keyOf = (one?: Made): string => String(one?.keyPem);

    write({
      'acme.example_ecc/acme.example.cer': part(acme),
      'acme.example_ecc/acme.example.conf': "Le_Domain='acme.example'\n",
      'acme.example_ecc/acme.example.csr': request,
      'acme.example_ecc/acme.example.csr.conf': '[ req ]\n',
      'acme.example_ecc/acme.example.key': keyOf(acme),
      'acme.example_ecc/ca.cer': LOW.pem,
      'acme.example_ecc/fullchain.cer': full(acme),
    });
    write({
      '/archive/cert1.pem': part(certbot),
      '/archive/chain1.pem': LOW.pem,
      '/archive/fullchain1.pem': full(certbot),
      '/archive/privkey1.pem': keyOf(certbot),
      'certbot.example/README': 'This directory contains your keys and certificates.\n',
    });
    for (const name of ['cert', 'chain', 'fullchain', 'privkey'])
      link(`certbot.example/${name}.pem`, at(`/archive/${name}1.pem`));
    write({
      'kubernetes/..2026_01_01/tls.crt': full(kubernetes),
      'kubernetes/..2026_01_01/tls.key': keyOf(kubernetes),
      'kubernetes/..2026_01_01/ca.crt': ROOT.pem,
    });
    link('kubernetes/..data', '..2026_01_01');
    for (const name of ['tls.crt', 'tls.key', 'ca.crt']) link(`kubernetes/${name}`, `..data/${name}`);
    write({
      'caddy.example/caddy.example.crt': full(caddy),
      'caddy.example/caddy.example.key': keyOf(caddy),
      'caddy.example/caddy.example.json': '{"sans":["caddy.example"]}',
      'lego.example.crt': full(lego),
      'lego.example.issuer.crt': LOW.pem,
      'lego.example.key': keyOf(lego),
      'lego.example.json': '{"domain":"lego.example"}',
      'dehydrated.example/cert-100.pem': part(old),
      'dehydrated.example/fullchain-100.pem': full(old),
      'dehydrated.example/privkey-100.pem': keyOf(old),
      'dehydrated.example/cert-200.pem': part(dehydrated),
      'dehydrated.example/cert-200.csr': request,
      'dehydrated.example/chain-200.pem': LOW.pem,
      'dehydrated.example/fullchain-200.pem': full(dehydrated),
      'dehydrated.example/privkey-200.pem': keyOf(dehydrated),
      'haproxy.example.pem': full(haproxy) + keyOf(haproxy),
      'debian.cert.pem': full(debian),
      'debian.key.pem': keyOf(debian),
      'UPPER.CRT': full(upper),
      'UPPER.KEY': keyOf(upper),
      'bare.example/one': keyOf(bare),
      'bare.example/two': full(bare),
    });
    for (const name of ['cert', 'chain', 'fullchain', 'privkey'])
      link(`dehydrated.example/${name}.pem`, `${name}-200.pem`);
    write({ '/all.pem': full(winacme) + keyOf(winacme), 'winacme.pass': 'open sesame\n' });
    const pfx = ['pkcs12', '-export', '-in', at('/all.pem'), '-passout', 'pass:open sesame'];
    write({ 'winacme.PFX': openssl(pfx) });

    await holds('acme.example_ecc', acme as Made);
    await holds('certbot.example', certbot as Made);
    await holds('kubernetes', kubernetes as Made);
    await holds('caddy.example', caddy as Made);
    await holds('lego.example', lego as Made);
    await holds('dehydrated.example', dehydrated as Made);
    await holds('winacme', winacme as Made);
    await holds('haproxy.example', haproxy as Made);
    await holds('debian', debian as Made);
    await holds('UPPER', upper as Made);
    await holds('bare.example', bare as Made);
    assert.deepEqual([...told()], [], 'what belongs to a layout is nobody’s trouble');

    // A new version the way Kubernetes brings one: another folder, and one rename.
    const next = make('kubernetes.example', { to: inDays(120) });
    write({
      'kubernetes/..2026_02_02/tls.crt': full(next),
      'kubernetes/..2026_02_02/tls.key': keyOf(next),
      'kubernetes/..2026_02_02/ca.crt': ROOT.pem,
    });
    link('kubernetes/..data', '..2026_02_02');
    await holds('kubernetes', next);
  });

  it('and names each file that it does not take, with its true reason', async () => {
    const [one, two] = [make('one.example'), make('two.example')];
    const good = make('good.example');
    const wrong = make('wrong.example', { purposes: ['1.3.6.1.5.5.7.3.2'] });
    const kept = make('kept.example');
    write({ '/all.pem': one.pem + one.keyPem, '/one.pem': one.pem });
    write({
      'two/one.pem': one.pem + one.keyPem,
      'two/two.pem': two.pem + two.keyPem,
      'lonely.key': one.keyPem,
      'unfit.crt': one.pem,
      'unfit.key': two.keyPem,
      'notes.txt': 'nothing of that kind\n',
      'cut.pem': one.pem.slice(0, 300),
      'base64.txt': openssl(['pkcs12', '-export', '-in', at('/all.pem'), '-passout', 'pass:x']).toString(
        'base64',
      ),
      'closed.pfx': openssl(['pkcs12', '-export', '-in', at('/all.pem'), '-passout', 'pass:x']),
      'trusted.pem': openssl(['x509', '-in', at('/one.pem'), '-trustout', '-addtrust', 'serverAuth']),
      'wrong.pem': wrong.pem + wrong.keyPem,
      'huge.pem': Buffer.alloc(1024 * 1024 + 1, 0x20),
      'deep/live/site/fullchain.pem': one.pem,
      'a b.pem': one.pem + one.keyPem,
      'kept/fullchain.pem': kept.pem + LOW.pem,
      'kept/privkey.pem': kept.keyPem,
      'kept/keystore.p12': openssl(['pkcs12', '-export', '-in', at('/all.pem'), '-passout', 'pass:x']),
      'kept/stray.key': two.keyPem,
      'good.pem': good.pem + LOW.pem + good.keyPem,
    });
    link('lost.pem', '/nowhere/at/all.pem');
    const started = performance.now();
    const lateness = watchLateness();
    const expected: Record<string, RegExp> = {
      two: /^certificates-several: 2 certificates lie there.*"CN=one\.example".* in two\/one\.pem, "CN=two\.example"/,
      lonely: /^certificate-missing: There is a key, and no certificate yet \(lonely\.key: a private key\)/,
      unfit: /^key-unfit: The private key in unfit\.key belongs to none of the certificates/,
      'notes.txt':
        /^certificate-missing: No file holds a certificate \(notes\.txt: It is text without any PEM/,
      cut: /^certificate-unreadable: cut\.pem .*A PEM block of it is cut off/,
      'base64.txt': /^certificate-unreadable: base64\.txt .*It is the base64 of a PFX: base64 -d/,
      closed: /^passphrase-needed: closed\.pfx is encrypted/,
      trusted: /^certificate-unreadable: trusted\.pem .*It is a TRUSTED CERTIFICATE/,
      wrong: /^certificate-refused: .*it is not for servers: its extendedKeyUsage says clientAuth/,
      huge: /^certificate-unreadable: huge\.pem: It is larger than 1048576 bytes/,
      deep: /^certificate-unreadable: deep\/live: a folder in a folder is not looked into/,
      'a b': /^bad-id: /,
      lost: /^certificate-unreadable: lost\.pem: its link leads nowhere/,
      'kept/keystore.p12': /^certificate-left-out: kept\/keystore\.p12 is encrypted/,
      'kept/stray.key': /^certificate-left-out: it holds another private key/,
    };
    await until('all are named', async () => Object.keys(expected).every(name => told().has(name)));
    const [after, late] = [performance.now() - started, lateness.stop()];
    process.stdout.write(
      `      all named after ${Math.round(after)} ms, the machine late by ${Math.round(late)} ms\n`,
    );
    assert.ok(after - late <= 3_000, `it took ${after} ms`);
    await holds('good', good);
    await holds('kept', kept);
    for (const [name, reason] of Object.entries(expected))
      assert.match(String(told().get(name)), reason, name);
    assert.deepEqual([...told().keys()].sort(), Object.keys(expected).sort());
    await room.stop();
    await start();
    await until('a start names them again', async () => told().size === Object.keys(expected).length);
    assert.deepEqual((await store.read('certificates/kept'))?.key, kept.keyPem);
  });

  it('and a renewal in place by Caddy, lego or acme.sh is one revision, never a mixed pair', async () => {
    type Files = [string, string][];
    const full = (made: Made): string => made.pem + LOW.pem;
    /** Path of the key, and the other files of a renewal. */
    const layouts: Record<string, (name: string, made: Made) => { key: string; rest: Files }> = {
      caddy: (name, made) => ({
        key: `${name}/shop.key`,
        rest: [
          [`${name}/shop.crt`, full(made)],
          [`${name}/shop.json`, `{"serial":"${made.pem.slice(-60, -30)}"}`],
        ],
      }),
      lego: (name, made) => ({
        key: `${name}.key`,
        rest: [
          [`${name}.crt`, full(made)],
          [`${name}.issuer.crt`, LOW.pem],
        ],
      }),
      _ecc: (name, made) => ({
        key: `${name}/shop.key`,
        rest: [
          [`${name}/shop.cer`, made.pem],
          [`${name}/ca.cer`, LOW.pem],
          [`${name}/fullchain.cer`, full(made)],
        ],
      }),
    };
    const renew = async (name: string, keyFirst: boolean, files: (made: Made) => Files): Promise<void> => {
      const [old, next] = [make('shop.example'), make('shop.example', { to: inDays(120) })];
      write(Object.fromEntries(files(old)));
      await holds(name, old);
      const [key, ...rest] = files(next) as [Files[0], ...Files];
      // Further apart than a look and the quiet time after it, so that half of it is read.
      for (const file of keyFirst ? [key, ...rest] : [...rest, key]) {
        write(Object.fromEntries([file]));
        await new Promise(resolve => setTimeout(resolve, 900));
      }
      await holds(name, next);
    };
    const { revision } = store.head;
    const all = Object.entries(layouts).flatMap(([layout, filesOf]) =>
      [true, false].map(keyFirst => {
        const name = `${keyFirst}${layout}`;
        return renew(name, keyFirst, made => {
          const { key, rest } = filesOf(name, made);
          return [[key, made.keyPem], ...rest];
        });
      }),
    );
    await Promise.all(all);
    assert.equal(store.head.revision, revision + 2 * all.length, 'one for the first pair, one for the next');
    assert.deepEqual([...told()], []);
  });

  it('from behind symbolic links, within seconds of a renewal there', async () => {
    const [old, next, last] = [30, 60, 90].map(days => make('linked.example', { to: inDays(days) }));
    const all = (made?: Made): string => `${made?.pem}${LOW.pem}${made?.keyPem}`;
    const within = async (made?: Made): Promise<void> => {
      const started = Date.now();
      await holds('linked', made as Made);
      assert.ok(Date.now() - started < 10_000);
    };
    write({ '/ours/one/all.pem': all(old), '/ours/two/all.pem': all(next) });
    link('/ours/now', 'one');
    link('/live/linked.pem', '../ours/now/all.pem');
    link('linked.pem', at('/live/linked.pem'));
    await within(old);
    await room.settled();
    link('/ours/now', 'two');
    await within(next);
    write({ '/ours/two/new.pem': all(last) });
    renameSync(at('/ours/two/new.pem'), at('/ours/two/all.pem'));
    await within(last);
    rmSync(at('/ours/now'));
    await until('it is named', async () => told().has('linked'));
    link('/ours/now', 'two');
    await until('it is found again', async () => !told().has('linked'));
  });

  it('at the time that it becomes valid, without anybody touching it', async () => {
    const soon = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 4_000);
    const early = make('early.example', { from: soon });
    write({ 'early.pem': early.pem + LOW.pem + early.keyPem });
    await until('it is named', async () => told().has('early'));
    const stamp = soon.toISOString();
    assert.match(
      String(told().get('early')),
      new RegExp(
        `^certificate-refused: .*it is valid from ${stamp.slice(0, 10)} ${stamp.slice(11, 19)} UTC on`,
      ),
    );
    await holds('early', early);
    assert.ok(Date.now() >= soon.getTime());
    assert.deepEqual([...told()], []);
  });

  it('and lets none wait for one that takes long to open', async () => {
    const slow = make('slow.example');
    const quick = make('quick.example');
    write({ '/slow.pem': slow.pem + LOW.pem + slow.keyPem, 'slow.pass': 'x' });
    const asked = ['pkcs12', '-export', '-in', at('/slow.pem'), '-iter', '900000', '-passout', 'pass:x'];
    write({ 'slow.pfx': openssl(asked), 'quick.pem': quick.pem + LOW.pem + quick.keyPem });
    await holds('quick', quick);
    const first = (await store.read('certificates/slow')) === undefined;
    await holds('slow', slow);
    assert.ok(first, 'the quick one came first');
  });

  it('and does not take again what release 0.1.0 took and somebody removed since', async () => {
    const [a, b] = [make('a.example'), make('b.example')];
    await room.stop();
    write({
      'a/fullchain.pem': a.pem + LOW.pem,
      'a/privkey.pem': a.keyPem,
      'a/README': 'notes',
      'b.crt': b.pem + LOW.pem,
      'b.key': b.keyPem,
    });
    // Golden: SHA-256 over "name length\n" and the bytes of each file that release 0.1.0 (revision 6517775) looked at.
    const hashBefore = (...files: [string, string][]): string => {
      const hash = createHash('sha256');
      for (const [name, text] of files) hash.update(`${name} ${text.length}\n`).update(text);
      return hash.digest('hex');
    };
    await store.writeLocal('certs.d/a', {
      hash: hashBefore(['a/fullchain.pem', a.pem + LOW.pem], ['a/privkey.pem', a.keyPem]),
    });
    await store.writeLocal('certs.d/b', {
      hash: hashBefore(['b.crt', b.pem + LOW.pem], ['b.key', b.keyPem]),
    });
    const { revision } = store.head;
    await start();
    const other = make('other.example');
    write({ 'other.pem': other.pem + LOW.pem + other.keyPem });
    await holds('other', other);
    await until('all were looked at', async () =>
      (
        await Promise.all(['a', 'b'].map(name => store.readLocal<{ files?: string }>(`certs.d/${name}`)))
      ).every(known => known?.files !== undefined),
    );
    assert.deepEqual(
      [await store.read('certificates/a'), await store.read('certificates/b')],
      [undefined, undefined],
    );
    assert.ok(store.head.revision <= revision + 2);
  });
});
