import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { loadCatalog } from '../../../schema/catalog.ts';
import type { JsonObject } from '../../../schema/json.ts';
import { keys } from '../../../store/keys.ts';
import { openMemory } from '../../../store/memory.ts';
import type { StorePort } from '../../../store/port.ts';
import { Store } from '../../../store/store.ts';
import type { Change } from '../../../store/transition.ts';
import { RecordChecks } from '../../../unit/store-care/record-checks.ts';
import { issue } from '../../certs/ca.ts';
import { ManualTimers } from '../../sync/manual-timers.ts';

const catalog = loadCatalog();
const { shop } = JSON.parse(readFileSync('examples/site/site.json', 'utf8')).certificates as {
  shop: JsonObject;
};
const SERVICE = 'virtualServices/tcp:10.1.0.1:443';
const put = (path: string, value: JsonObject): Change => ({ op: 'put', path, value });
const site = (certificate: JsonObject = shop): Change[] => [
  put('certificates/shop', certificate),
  put('rules/strip-www', { type: 'modify-url', pattern: '^www' }),
  put(SERVICE, { certificates: ['shop'] }),
  put(`${SERVICE}/realServers/10.2.0.1:8080`, { matchRules: ['strip-www'] }),
];

function otherKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Hours pass when a test says so; a short rest is a real one. */
class Hours extends ManualTimers {
  rests = 0;

  override after(ms: number, act: () => void): () => void {
    if (ms >= 1000) return super.after(ms, act);
    this.rests++;
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  }
}

/** A standby with these records; `damage` does to the disk what no commit would. */
class Standby {
  readonly port: StorePort = openMemory();
  readonly timers = new Hours();
  now = new Date('2040-01-01T00:00:00Z');
  store!: Store;
  checks!: RecordChecks;
  private waiting: () => void = () => undefined;

  async holding(changes: Change[]): Promise<this> {
    this.store = await Store.open({ port: this.port, catalog, rules: [], now: () => this.now });
    await this.commit(changes);
    this.checks = new RecordChecks({
      store: this.store,
      catalog,
      timers: this.timers,
      now: () => this.now,
      onChecked: () => this.waiting(),
    });
    return this;
  }

  /** As an update would. */
  async commit(changes: Change[]): Promise<string[]> {
    const why = { kind: 'init' as const, author: 'ada', reason: 'r' };
    return (await this.store.commit({ changes, ...why })).changes.map(({ path }) => path);
  }

  async update(changes: Change[]): Promise<void> {
    await this.checked(() => void this.commit(changes));
  }

  async damage(key: string, value?: string): Promise<void> {
    const put: [string, Buffer][] = value === undefined ? [] : [[key, Buffer.from(value)]];
    await this.port.batch({ expect: [], put, remove: value === undefined ? [key] : [] });
  }

  /** Resolves when the check that `begin` begins has ended. */
  checked(begin: () => void): Promise<void> {
    return new Promise(resolve => {
      this.waiting = resolve;
      begin();
    });
  }

  get found(): string[] {
    return this.checks.current.findings
      .map(({ code, path, fails }) => `${code} ${path}${fails ? '' : ' (harmless)'}`)
      .sort();
  }
}

describe('the checks of what a standby holds', () => {
  it('find nothing in what commits let in, and say when they looked', async () => {
    const standby = await new Standby().holding(site());
    assert.deepEqual(standby.checks.current, { findings: [], checkedAt: undefined });
    await standby.checked(() => standby.checks.start());
    assert.deepEqual(standby.checks.current, { findings: [], checkedAt: '2040-01-01T00:00:00.000Z' });
    await standby.checks.stop();
  });

  it('find a certificate that expired, one that does not fit its key, and whether it is in use', async () => {
    const standby = await new Standby().holding(site({ ...shop, key: otherKey() }));
    await standby.commit([put('certificates/spare', { ...shop, key: otherKey() })]);
    await standby.checked(() => standby.checks.start());
    assert.deepEqual(standby.found, [
      'key-unfit certificates/shop',
      'key-unfit certificates/spare (harmless)',
    ]);
    standby.now = new Date('2060-01-01');
    await standby.update([put('certificates/shop', shop)]);
    assert.deepEqual(standby.found, [
      'certificate-expired certificates/shop',
      'certificate-expired certificates/spare (harmless)',
      'key-unfit certificates/spare (harmless)',
    ]);
  });

  it('find a chain that is broken, with the intermediates that the unit holds', async () => {
    const root = issue({ commonName: 'Root', ca: true, to: new Date('2050-01-01') });
    const low = issue({ commonName: 'Low', ca: true, issuer: root, to: new Date('2041-01-01') });
    const leaf = issue({ issuer: low, from: new Date('2039-01-01'), to: new Date('2048-01-01') });
    const standby = await new Standby().holding(site({ certificate: leaf.pem, key: leaf.keyPem }));
    await standby.checked(() => standby.checks.start());
    assert.deepEqual(standby.found, ['chain-incomplete certificates/shop (harmless)']);
    await standby.update([put('intermediates/low', { certificate: low.pem })]);
    assert.deepEqual(standby.found, []);
    standby.now = new Date('2042-01-01');
    await standby.update([put('intermediates/low', { certificate: low.pem + root.pem })]);
    assert.deepEqual(standby.found, ['certificate-expired intermediates/low (harmless)']);
    await standby.update([put('certificates/shop', { certificate: leaf.pem + low.pem, key: leaf.keyPem })]);
    assert.deepEqual(standby.found, [
      'certificate-expired intermediates/low (harmless)',
      'issuer-expired certificates/shop',
    ]);
    await standby.checks.stop();
  });

  it('find what is not for servers, which an older release let in or the partner sent', async () => {
    const clients = { purposes: ['1.3.6.1.5.5.7.3.2'], to: new Date('2050-01-01') };
    const authority = issue({ commonName: 'Clients', ca: true, ...clients });
    const leaf = issue({ issuer: authority, to: new Date('2048-01-01') });
    const standby = await new Standby().holding(site({ certificate: leaf.pem, key: leaf.keyPem }));
    await standby.commit([
      put('intermediates/clients', { certificate: authority.pem }),
      put('certificates/login', { certificate: issue(clients).pem }),
    ]);
    await standby.checked(() => standby.checks.start());
    assert.deepEqual(standby.found, [
      'issuer-not-for-servers certificates/shop',
      'issuer-not-for-servers intermediates/clients (harmless)',
      'not-for-servers certificates/login (harmless)',
    ]);
    await standby.checks.stop();
  });

  it('after an update look at what it touched and at what was wrong before', async () => {
    const standby = await new Standby().holding(site());
    await standby.checked(() => standby.checks.start());
    await standby.update([put('certificates/shop', { ...shop, key: otherKey() })]);
    assert.deepEqual(standby.found, ['key-unfit certificates/shop']);
    await standby.update([put(SERVICE, {}), { op: 'remove', path: 'certificates/shop' }]);
    assert.deepEqual(standby.found, []);
    await standby.update([put('certificates/spare', { ...shop, key: otherKey() })]);
    assert.deepEqual(standby.found, ['key-unfit certificates/spare (harmless)']);
    await standby.update([put(SERVICE, { certificates: ['spare'] })]);
    assert.deepEqual(standby.found, ['key-unfit certificates/spare']);
  });

  it('find what damage to the disk did: a record that is gone, one that cannot be read', async () => {
    const standby = await new Standby().holding(site());
    await standby.damage(keys.pair('rules/strip-www'));
    await standby.damage(keys.pair('certificates/shop'), '{"certif');
    await standby.checked(() => standby.checks.start());
    assert.deepEqual(standby.found, [
      'damaged-store certificates/shop',
      `damaged-store ${SERVICE}`,
      `dangling-reference ${SERVICE}/realServers/10.2.0.1:8080/matchRules`,
    ]);
  });

  it('rest after a stretch of work, not after every record', async () => {
    const services = Array.from({ length: 200 }, (_, index) =>
      put(`virtualServices/tcp:10.1.1.${index}:80`, {}),
    );
    const standby = await new Standby().holding([...site(), ...services]);
    await standby.checked(() => standby.checks.start());
    assert.ok(standby.timers.rests < services.length / 2, `rested ${standby.timers.rests} times`);
  });

  it('look at everything again after six hours: certificates expire without an update', async () => {
    const standby = await new Standby().holding(site());
    await standby.checked(() => standby.checks.start());
    standby.now = new Date('2060-01-01');
    standby.timers.advance(5 * 3_600_000);
    assert.deepEqual(standby.found, []);
    await standby.checked(() => standby.timers.advance(1.5 * 3_600_000));
    assert.deepEqual(standby.found, ['certificate-expired certificates/shop']);
  });

  it('are for a standby: an active unit forgets them, and looks again when it is standby again', async () => {
    const standby = await new Standby().holding(site({ ...shop, key: otherKey() }));
    await standby.checked(() => standby.checks.start());
    await standby.store.setRole('active', 1);
    standby.checks.roleChanged();
    assert.deepEqual(standby.checks.current, { findings: [], checkedAt: undefined });
    await standby.store.setRole('standby', 2);
    await standby.checked(() => standby.checks.roleChanged());
    assert.deepEqual(standby.found, ['key-unfit certificates/shop']);
  });
});
