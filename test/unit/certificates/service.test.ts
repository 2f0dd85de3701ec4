import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { der, field, integer, octets, oid, sequence } from '../../../certs/der.ts';
import { machineClock } from '../../../host/clock.ts';
import { loadCatalog } from '../../../schema/catalog.ts';
import { LockstepError } from '../../../schema/error.ts';
import type { JsonObject } from '../../../schema/json.ts';
import { openMemory } from '../../../store/memory.ts';
import { Store } from '../../../store/store.ts';
import type { Change } from '../../../store/transition.ts';
import { CertificateService } from '../../../unit/certificates/service.ts';
import { makeWebCertificate } from '../../../unit/certificates/web-certificate.ts';
import { Committing } from '../../../unit/changes/committing.ts';
import { Events } from '../../../unit/events.ts';
import { daysFromNow, issue, NOW, type Wish } from '../../certs/ca.ts';
import { ManualTimers } from '../../sync/manual-timers.ts';
import { keptLog } from '../log/kept-log.ts';

const catalog = loadCatalog();
const DAY_MS = 86_400_000;
const SERVICE = 'virtualServices/tcp:10.1.0.1:443';
const put = (path: string, value: JsonObject): Change => ({ op: 'put', path, value });

function certificate(wish: Wish): { certificate: string; key: string } {
  const { pem, keyPem } = issue(wish);
  return { certificate: pem, key: keyPem };
}

describe('the certificates of a running unit', () => {
  let folder: string;
  let now: Date;
  let store: Store;
  let timers: ManualTimers;
  let room: CertificateService;
  let events: Events;
  let log: ReturnType<typeof keptLog>;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lockstep-certs-'));
    mkdirSync(join(folder, 'certs.d'), { mode: 0o700 });
    now = NOW;
    store = await Store.open({ port: openMemory(), catalog, rules: [], now: () => now });
    await commit(
      put('host', { hostname: 'lb-a' }),
      put('interfaces/eth0', { address: '10.1.0.11', prefix: 24 }),
    );
    await store.setRole('active', 1);
    timers = new ManualTimers();
    log = keptLog();
  });

  afterEach(async () => {
    await room.stop();
    await store.close();
    rmSync(folder, { recursive: true });
  });

  async function commit(...changes: Change[]): Promise<void> {
    await store.commit({ changes, kind: 'init', author: 'ada', reason: 'r' });
  }

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
      timers,
      now: () => now,
      log: log.log,
    });
    room.start();
    await room.settled();
  }

  async function atDay(days: number): Promise<void> {
    now = daysFromNow(days);
    timers.advance(3_600_000);
    await room.settled();
  }

  async function changed(...changes: Change[]): Promise<void> {
    await commit(...changes);
    await room.settled();
  }

  const warnings = (): string[] => room.warnings().map(({ code, path }) => `${code} ${path}`);
  const web = () => store.read('webCertificate');

  describe('that get older', () => {
    it('are named from 30 days on, and the log hears of each stage once', async () => {
      await commit(put('certificates/shop', certificate({ names: ['a.example'], to: daysFromNow(40.5) })));
      await start();
      const told: string[] = [];
      for (let day = 0; day <= 42; day++) {
        await atDay(day);
        const line = warnings().filter(each => each.endsWith('certificates/shop'))[0] ?? '';
        told.push(line.split(' ')[0] as string);
      }
      assert.deepEqual(
        [9, 10, 40, 41].map(day => told[day]),
        ['', 'certificate-expires-soon', 'certificate-expires-soon', 'certificate-expired'],
      );
      const lines = log.lines.filter(
        ({ facts }) => (facts as { path?: string }).path === 'certificates/shop',
      );
      assert.deepEqual(
        lines.map(({ message }) => message.replace(/^it expire[sd] on [0-9-]+( [0-9:]+ UTC)?,? ?/, '')),
        ['in 30 days', 'in 14 days', 'in 7 days', 'in 1 day', ''],
      );
      assert.deepEqual(
        room.days().filter(({ name }) => name === 'shop'),
        [{ name: 'shop', kind: 'certificate', days: -2 }],
      );
    });

    it('and were replaced are named no more', async () => {
      await commit(put('certificates/shop', certificate({ names: ['a.example'], to: daysFromNow(5) })));
      await start();
      assert.deepEqual(warnings(), ['certificate-expires-soon certificates/shop']);
      await changed(put('certificates/shop', certificate({ names: ['a.example'] })));
      assert.deepEqual(warnings(), []);
      await changed({ op: 'remove', path: 'certificates/shop' });
      assert.deepEqual(
        room.days().map(({ name }) => name),
        ['web'],
      );
    });
  });

  describe('that Virtual Services show', () => {
    const shop = () => certificate({ names: ['shop.example', '*.shop.example'] });
    const named = () => warnings().filter(each => each.includes('virtualServices/'));

    it('are for their hosts, each by one of them', async () => {
      await commit(
        put('certificates/shop', shop()),
        put('certificates/pay', certificate({ names: ['pay.example'] })),
        put(SERVICE, {
          certificates: ['shop', 'pay'],
          allowedHosts: ['shop.example', 'Pay.example:443', '*'],
        }),
      );
      await start();
      assert.deepEqual(named(), []);
      await changed(put(SERVICE, { certificates: ['shop'], allowedHosts: ['shop.example', 'pay.example'] }));
      assert.deepEqual(named(), [`certificate-host-names ${SERVICE}`]);
      assert.match(room.warnings()[0]?.message ?? '', /certificate shop is not for pay\.example$/);
      await changed(put('certificates/shop', certificate({ names: ['shop.example', 'pay.example'] })));
      assert.deepEqual(named(), []);
    });

    it('are those of the service above where one below has none of its own', async () => {
      const below = `${SERVICE}/subVirtualServices/1`;
      await commit(
        put('certificates/shop', shop()),
        put('certificates/pay', certificate({ names: ['pay.example'] })),
        put(SERVICE, { certificates: ['shop'] }),
        put(below, { allowedHosts: ['pay.example'] }),
      );
      await start();
      assert.deepEqual(named(), [`certificate-host-names ${below}`]);
      await changed(put(SERVICE, { certificates: ['shop', 'pay'] }));
      assert.deepEqual(named(), []);
      await changed(put(below, { allowedHosts: ['pay.example'], certificates: ['shop'] }));
      assert.deepEqual(named(), [`certificate-host-names ${below}`]);
      await changed({ op: 'remove', path: below });
      assert.deepEqual(named(), []);
    });

    it('are told of where only a common name, which clients do not look at, is for a host', async () => {
      await commit(
        put('certificates/shop', certificate({ commonName: 'shop.example' })),
        put(SERVICE, { certificates: ['shop'], allowedHosts: ['shop.example', 'pay.example'] }),
      );
      await start();
      assert.deepEqual(named(), [`certificate-host-names ${SERVICE}`, `certificate-common-name ${SERVICE}`]);
      assert.match(room.warnings()[1]?.message ?? '', /names shop\.example as common name only/);
      await changed(put('certificates/pay', certificate({ names: ['shop.example', 'pay.example'] })));
      await changed(put(SERVICE, { certificates: ['shop', 'pay'], allowedHosts: ['shop.example'] }));
      assert.deepEqual(named(), []);
    });

    it('are for hosts as names: case, a dot at the end, letters of any script, ports, addresses, wildcards', async () => {
      const wide = certificate({
        names: ['shop.example', '*.shop.example', 'xn--bcher-kva.example'],
        addresses: [Buffer.from(`20010db8${'0'.repeat(23)}1`, 'hex')],
      });
      const allowedHosts = [
        'SHOP.example.',
        'shop.example:443',
        '*.Shop.example',
        'Bücher.example',
        'XN--BCHER-KVA.example.:443',
        '2001:db8::1',
        '[2001:DB8::1]:443',
        '*',
        'shop*.example',
      ];
      await commit(put('certificates/shop', wide), put(SERVICE, { certificates: ['shop'], allowedHosts }));
      await start();
      assert.deepEqual(named(), []);
      const others = ['*.bücher.example', 'a.b.shop.example', '2001:db8::2', 'shop.example.example'];
      await changed(put(SERVICE, { certificates: ['shop'], allowedHosts: others }));
      assert.match(room.warnings()[0]?.message ?? '', /not for \*\.bücher.* and 1 more$/);
    });

    describe('and would not be taken in today', () => {
      const root = issue({ commonName: 'Root', ca: true, usage: [5] });
      const clients = issue({
        commonName: 'Clients',
        ca: true,
        purposes: ['1.3.6.1.5.5.7.3.2'],
        issuer: root,
      });
      const servers = issue({ commonName: 'Servers', ca: true, issuer: root });
      const below = (issuer: typeof root, wish: Wish = {}) => {
        const { pem, keyPem } = issue({ names: ['shop.example'], issuer, ...wish });
        return { certificate: pem, key: keyPem };
      };

      it('are named, and the service too: for clients, for a CA, by a CA for clients', async () => {
        await commit(
          put('intermediates/clients', { certificate: clients.pem }),
          put('certificates/shop', below(clients)),
          put('certificates/login', certificate({ purposes: ['1.3.6.1.5.5.7.3.2'] })),
          put('certificates/ca', certificate({ ca: true, usage: [5, 6] })),
          put(SERVICE, { certificates: ['shop'] }),
        );
        await start();
        assert.deepEqual(warnings().sort(), [
          'issuer-not-for-servers certificates/shop',
          'issuer-not-for-servers intermediates/clients',
          `issuer-not-for-servers ${SERVICE}`,
          'not-for-servers certificates/ca',
          'not-for-servers certificates/login',
        ]);
        const { findings } = await room.examined();
        assert.deepEqual(
          findings.filter(({ fails }) => !fails).map(({ path }) => path),
          ['intermediates/clients'],
          'a CA for clients may be there for clients',
        );
        await changed(
          put('certificates/shop', below(servers)),
          put('intermediates/servers', { certificate: servers.pem }),
          { op: 'remove', path: 'certificates/login' },
          { op: 'remove', path: 'certificates/ca' },
          { op: 'remove', path: 'intermediates/clients' },
        );
        assert.deepEqual(warnings(), []);
      });

      it('are named where a service shows them without the intermediate, until it is there', async () => {
        await commit(put('certificates/shop', below(servers)));
        await start();
        assert.deepEqual(warnings(), [], 'nothing shows it');
        await changed(put(SERVICE, { certificates: ['shop'] }));
        assert.deepEqual(warnings(), [`chain-incomplete ${SERVICE}`]);
        assert.match(
          room.warnings()[0]?.message ?? '',
          /shop: the certificate "CN=Servers" that issued it is missing/,
        );
        await changed(put('intermediates/servers', { certificate: servers.pem }));
        assert.deepEqual(warnings(), []);
        await changed({ op: 'remove', path: 'intermediates/servers' });
        assert.deepEqual(warnings(), [`chain-incomplete ${SERVICE}`]);
      });

      it('are left to the takeover readiness on a standby, and judged when it becomes active', async () => {
        await commit(put('certificates/shop', certificate({ purposes: ['1.3.6.1.5.5.7.3.2'] })));
        await store.setRole('standby', 1);
        await start();
        assert.deepEqual(warnings(), []);
        await store.setRole('active', 2);
        events.emit('roleChanged', { role: store.head.role, epoch: 1 });
        await room.settled();
        assert.deepEqual(warnings(), ['not-for-servers certificates/shop']);
      });
    });

    for (const [what, value, code] of [
      ['has no key', () => ({ certificate: shop().certificate }), 'certificate-without-key'],
      ['has expired', () => certificate({ to: daysFromNow(-1) }), 'certificate-expired'],
      ['is not valid yet', () => certificate({ from: daysFromNow(1) }), 'certificate-not-yet-valid'],
    ] as const) {
      it(`are named with the service when one ${what}`, async () => {
        await commit(put('certificates/shop', value()), put(SERVICE, { certificates: ['shop'] }));
        await start();
        assert.deepEqual(warnings().sort(), [`${code} ${SERVICE}`, `${code} certificates/shop`].sort());
        await changed(put('certificates/shop', shop()));
        assert.deepEqual(warnings(), []);
      });
    }
  });

  describe('of its web interface', () => {
    it('is made where there is none, for the names of the unit', async () => {
      await start();
      assert.equal((await web())?.selfSigned, true);
      const { certificates } = await room.records.certificates();
      assert.deepEqual(
        certificates.map(({ name, kind, names, keyType }) => [name, kind, names, keyType]),
        [['web', 'web', ['lb-a', '10.1.0.11'], 'EC P-256']],
      );
      const first = await web();
      await changed({ op: 'remove', path: 'webCertificate' });
      const second = await web();
      assert.notEqual(second?.certificate, first?.certificate);
      await changed({ op: 'unset', path: 'webCertificate', field: ['key'] });
      assert.notEqual((await web())?.certificate, second?.certificate, 'without its key it is of no use');
    });

    it('is made anew by itself when it has less than 30 days left, and not before', async () => {
      await start();
      const first = await web();
      await atDay(366);
      assert.deepEqual(await web(), first);
      await atDay(368);
      assert.notEqual((await web())?.certificate, first?.certificate);
      assert.deepEqual(warnings(), []);
      assert.equal(room.days()[0]?.days, 397);
    });

    it('is made anew when the clock was ahead as it was made, so that it is not valid yet', async () => {
      now = daysFromNow(4_000);
      await start();
      const ahead = await web();
      now = NOW;
      timers.advance(3_600_000);
      await room.settled();
      assert.notEqual((await web())?.certificate, ahead?.certificate);
      assert.deepEqual(warnings(), []);
    });

    it('is left alone when somebody gave it, and named before it expires', async () => {
      const given = certificate({ names: ['lb-a'], to: daysFromNow(20) });
      await commit(put('webCertificate', given));
      await start();
      assert.deepEqual(await web(), given);
      assert.deepEqual(warnings(), ['certificate-expires-soon webCertificate']);
      await atDay(21);
      assert.deepEqual([await web(), warnings()], [given, ['certificate-expired webCertificate']]);
    });

    it('is made where one was given and only its key is missing, as after a restore', async () => {
      const { certificate: alone } = certificate({ names: ['lb-a'], to: daysFromNow(90) });
      await commit(put('webCertificate', { certificate: alone }));
      await start();
      const own = await web();
      assert.deepEqual([own?.selfSigned, typeof own?.key, warnings()], [true, 'string', []]);
    });

    it('is made on a standby too, and the digest does not know it', async () => {
      await store.setRole('standby', 1);
      const { digest } = store.head;
      await start();
      assert.equal((await web())?.selfSigned, true);
      assert.equal(store.head.digest, digest);
    });

    it('can be made for every name that a host may have', () => {
      for (const hostname of ['a', 'lb..a', `${'x'.repeat(63)}`, '1.2', 'a-.b'])
        assert.equal(
          makeWebCertificate({ hostname, addresses: ['10.1.0.1', 'fe80::1', 'none'] }, NOW).selfSigned,
          true,
        );
    });
  });

  describe('from files that take long to open', () => {
    /** A PFX whose code alone wants a million rounds: seconds of work. */
    const mac = sequence(
      sequence(sequence(oid('2.16.840.1.101.3.4.2.1')), octets(Buffer.alloc(32))),
      octets(Buffer.alloc(8)),
      integer(1_000_000),
    );
    const data = sequence(oid('1.2.840.113549.1.7.1'), der(field(0, true), octets(sequence())));
    const bytes = sequence(integer(3), data, mac).toString('base64');
    const slow = { name: 'shop', author: 'ada', passphrase: 'x', files: [{ name: 'a.pfx', bytes }] };
    const end = async (act: () => unknown, left?: AbortSignal): Promise<void> => {
      await start();
      const started = performance.now();
      const refusal = room.records.addCertificate(slow, left).catch(error => error.code);
      setTimeout(act, 50);
      assert.equal(await refusal, 'unit-unreachable');
      assert.ok(performance.now() - started < 1_000, `${performance.now() - started} ms`);
    };

    it('are let go when whoever gave them has left', async () => {
      const left = new AbortController();
      const gone = new LockstepError('unit-unreachable', 'Nobody waits any more.');
      await end(() => left.abort(gone), left.signal);
    });

    it('are let go when the unit stops, also out of certs.d', async () => {
      writeFileSync(join(folder, 'certs.d', 'slow.pfx'), Buffer.from(bytes, 'base64'));
      await end(() => room.stop());
    });
  });

  it('names at its start what has expired before', async () => {
    now = new Date(NOW.getTime() + 400 * DAY_MS);
    await commit(put('certificates/shop', certificate({ to: daysFromNow(300) })));
    await start();
    assert.deepEqual(warnings(), ['certificate-expired certificates/shop']);
  });
});
