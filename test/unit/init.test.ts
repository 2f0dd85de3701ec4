import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../../schema/json.ts';
import { openLmdb } from '../../store/lmdb/lmdb.ts';
import { type Head, Store } from '../../store/store.ts';
import { fingerprint, parsePrivateKey } from '../../sync/ssh/keys.ts';
import { assertUnit, lockFolder, makeFolder, unitFolder } from '../../unit/folder.ts';
import { packageVersion, readIdentity, type UnitFacts } from '../../unit/identity.ts';
import { type InitOptions, initUnit } from '../../unit/init.ts';
import { catalog } from '../schema/records-of.ts';

describe('lockstep init', () => {
  let root: string;
  let dir: string;
  let umask: number;
  beforeEach(() => {
    umask = process.umask(0);
    root = mkdtempSync(join(tmpdir(), 'lockstep-init-'));
    dir = join(root, 'unit');
  });
  afterEach(() => {
    process.umask(umask);
    rmSync(root, { recursive: true, force: true });
  });

  const init = (options: Omit<InitOptions, 'dir'>) => initUnit({ dir, ...options });

  /** What the new unit holds. */
  async function opened<T>(look: (store: Store) => Promise<T>): Promise<T> {
    const store = await Store.open({
      port: openLmdb(unitFolder(dir).store),
      catalog,
      rules: [],
      now: () => new Date(),
    });
    try {
      return await look(store);
    } finally {
      await store.close();
    }
  }
  const read = (path: string): Promise<JsonObject | undefined> => opened(store => store.read(path));
  const head = (): Promise<Head> => opened(async store => store.head);

  it('makes folders and files that nobody else can look into, whatever the umask', async () => {
    await init({ mode: 'first' });
    const places = readdirSync(dir, { recursive: true, encoding: 'utf8' }).map(name => join(dir, name));
    const mode = (place: string): [string, boolean, string] => {
      const stat = statSync(place);
      return [place, stat.isDirectory(), (stat.mode & 0o777).toString(8)];
    };
    const lax = [dir, ...places].map(mode).filter(([, folder, bits]) => bits !== (folder ? '700' : '600'));
    assert.deepEqual(lax, []);
    assert.ok(
      places.includes(join(dir, 'keys', 'host_ed25519')) && places.some(place => place.includes('store')),
    );
  });

  it('closes a folder that was open before', async () => {
    mkdirSync(join(dir, 'keys'), { recursive: true, mode: 0o777 });
    await init({ mode: 'single' });
    assert.equal(statSync(dir).mode & 0o777, 0o700);
    assert.equal(statSync(join(dir, 'keys')).mode & 0o777, 0o700);
  });

  it('makes two different keys, and tells the fingerprint of the host key', async () => {
    const answer = await init({ mode: 'first' });
    const { hostKey, clientKey } = unitFolder(dir);
    const [host, client] = [hostKey, clientKey].map(file =>
      parsePrivateKey(readFileSync(file, 'utf8'), file),
    );
    assert.equal(answer.fingerprint, fingerprint(String(host?.public)));
    assert.notEqual(answer.fingerprint, fingerprint(String(client?.public)));
    assert.deepEqual([answer.dir, answer.mode], [dir, 'first']);
    assertUnit(unitFolder(dir));
  });

  it('is refused where a unit is, and leaves that unit as it was', async () => {
    const { fingerprint: before } = await init({ mode: 'first', name: 'lb-a' });
    await assert.rejects(init({ mode: 'second', name: 'lb-b' }), { code: 'unit-exists' });
    assert.equal((await read('host'))?.hostname, 'lb-a');
    const host = unitFolder(dir).hostKey;
    assert.equal(fingerprint(parsePrivateKey(readFileSync(host, 'utf8'), host).public), before);
  });

  const modes: [mode: InitOptions['mode'], ha: string, role: string, epoch: number, identity: string][] = [
    ['single', 'none', 'active', 1, 'single'],
    ['first', 'first', 'active', 1, 'first'],
    ['second', 'second', 'standby', 0, 'second'],
  ];
  for (const [mode, ha, role, epoch, identity] of modes) {
    it(`--mode ${mode} starts as ${role}`, async () => {
      await init({ mode, name: 'lb-a' });
      assert.deepEqual(await read('ha'), { mode: ha });
      const { role: is, epoch: at, revision } = await head();
      assert.deepEqual([is, at, revision], [role, epoch, 1]);
      const facts = await opened(async store => {
        const own = await store.readLocal<UnitFacts>('unit');
        return { own, who: await readIdentity(store, String(own?.id)) };
      });
      assert.deepEqual(facts.who, {
        name: 'lb-a',
        mode: identity,
        model: 'generic',
        release: packageVersion(),
      });
      assert.equal(facts.own?.port, 6973);
    });
  }

  it('describes the interface that it is told of', async () => {
    await init({
      mode: 'first',
      address: '10.20.0.11/24',
      shared: '10.20.0.139',
      partner: '10.20.0.12',
      port: 7000,
    });
    assert.deepEqual(await read('interfaces/eth0'), {
      address: '10.20.0.11',
      prefix: 24,
      partnerAddress: '10.20.0.12',
      sharedAddress: '10.20.0.139',
      haChecks: true,
    });
    assert.deepEqual(await read('ha'), { mode: 'first', virtualId: 139, updateInterface: 'eth0' });
    assert.equal((await opened(store => store.readLocal<UnitFacts>('unit')))?.port, 7000);
  });

  it('does not switch HA checks on for a single unit', async () => {
    await init({ mode: 'single', address: '10.20.0.11/24' });
    assert.deepEqual(await read('interfaces/eth0'), { address: '10.20.0.11', prefix: 24 });
    assert.deepEqual(await read('ha'), { mode: 'none' });
  });

  const virtualIds: [shared: string, prefix: string, id: number | undefined][] = [
    ['10.20.0.1', '10.20.0.11/24', 1],
    ['10.20.0.255', '10.20.0.11/16', 255],
    ['10.20.1.0', '10.20.0.11/16', undefined],
    ['2001:db8::1ab', '2001:db8::11/64', 0xab],
    ['2001:db8::100', '2001:db8::11/64', undefined],
    ['2001:db8::', '2001:db8::11/64', undefined],
  ];
  for (const [shared, address, id] of virtualIds) {
    it(`takes the Virtual ID from the shared address: ${shared} gives ${id ?? 'none'}`, async () => {
      await init({ mode: 'first', address, shared });
      assert.equal((await read('ha'))?.virtualId, id);
    });
  }

  it('takes a Virtual ID that is given before that of the shared address', async () => {
    await init({ mode: 'first', address: '10.20.0.11/24', shared: '10.20.0.10', virtualId: 77 });
    assert.equal((await read('ha'))?.virtualId, 77);
  });

  for (const address of [
    '10.20.0.11',
    '/24',
    '10.20.0.11/',
    '10.20.0.11/24/1',
    '10.20.0.11/x',
    '10.20.0.11/-1',
    '10.20.0.11/24.0',
  ]) {
    it(`--address ${address} is refused before anything is made`, async () => {
      await assert.rejects(init({ mode: 'first', address }), {
        code: 'bad-usage',
        hint: /--address 10\.20\.0\.11\/24/,
      });
      assert.equal(existsSync(dir), false);
    });
  }

  const invalid: [what: string, options: Partial<InitOptions>, code: string][] = [
    ['an address that is none', { address: '10.20.0.300/24' }, 'invalid-value'],
    ['a prefix that is too long', { address: '2001:db8::1/129' }, 'invalid-value'],
    [
      'a shared address outside of the network',
      { address: '10.20.0.11/24', shared: '10.20.1.10' },
      'rule-broken',
    ],
    ['one address for both units', { address: '10.20.0.11/24', partner: '10.20.0.11' }, 'rule-broken'],
    ['a Virtual ID of 256', { virtualId: 256 }, 'invalid-value'],
    ['a name that is none', { name: 'lb a' }, 'invalid-value'],
  ];
  for (const [what, options, code] of invalid) {
    it(`is refused with ${what}, and can be typed again`, async () => {
      await assert.rejects(init({ mode: 'first', ...options }), { code });
      assert.throws(() => assertUnit(unitFolder(dir)), { code: 'no-unit' });
      await init({ mode: 'first', address: '10.20.0.11/24' });
      assert.equal((await head()).revision, 1);
    });
  }

  it('is refused while another lockstep works on the folder', async () => {
    makeFolder(unitFolder(dir));
    const unlock = await lockFolder(unitFolder(dir));
    await assert.rejects(init({ mode: 'first' }), { code: 'unit-busy' });
    unlock();
  });
});

describe('the lock of a folder', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'lockstep-lock-'));
    mkdirSync(join(root, 'a'));
    mkdirSync(join(root, 'b'));
    symlinkSync(join(root, 'a'), join(root, 'link'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const lock = (name: string) => lockFolder(unitFolder(join(root, name)));

  it('is held once, by whatever name the folder goes', async () => {
    const unlock = await lock('a');
    await assert.rejects(lock('a'), { code: 'unit-busy', class: 'refused' });
    await assert.rejects(lock('link'), { code: 'unit-busy' });
    await assert.rejects(lock('b/../a'), { code: 'unit-busy' });
    const other = await lock('b');
    unlock();
    other();
  });

  it('is free again once it is let go', async () => {
    (await lock('a'))();
    (await lock('a'))();
  });
});
