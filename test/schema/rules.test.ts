import assert from 'node:assert/strict';
import { LockstepError, type Problem } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import { NOTICES, RULES } from '../../schema/rules/index.ts';
import { openMemory } from '../../store/memory.ts';
import type { StorePort } from '../../store/port.ts';
import { Store } from '../../store/store.ts';
import type { Change } from '../../store/transition.ts';
import { catalog } from './records-of.ts';

type Site = Record<string, JsonObject | null>;

/** A pair that keeps every rule. */
const PAIR: Site = {
  ha: { mode: 'first', virtualId: 139, updateInterface: 'eth0' },
  licence: { model: 'VLM-3000', release: '7.2', esp: true, virtual: true },
  'interfaces/eth0': {
    address: '10.0.0.11',
    prefix: 24,
    partnerAddress: '10.0.0.12',
    sharedAddress: '10.0.0.10',
    haChecks: true,
  },
  'interfaces/eth1': {
    address: '10.1.0.11',
    prefix: 24,
    partnerAddress: '10.1.0.12',
    sharedAddress: '10.1.0.10',
  },
  'interfaces/eth2': { purpose: 'direct-cable' },
  'virtualServices/tcp:10.0.0.10:443': {},
};

const vs = (id: string, value: JsonObject = {}): Site => ({ [`virtualServices/${id}`]: value });
const ha = (value: JsonObject): Site => ({ ha: { ...PAIR.ha, ...value } });
const eth = (number: number, value: JsonObject): Site => ({
  [`interfaces/eth${number}`]: { ...PAIR[`interfaces/eth${number}`], ...value },
});
const esp = (value: JsonObject): Site => ({
  licence: { ...PAIR.licence, esp: false },
  'sso/domains/STAFF': { authType: 'ldaps' },
  ...vs('tcp:10.0.0.10:8443', { ssoDomain: 'STAFF', ...value }),
});

interface Case {
  says: string;
  breaks: Site;
  at: string;
  keeps: Site;
}

/** What breaks each rule, and it alone, and what looks much like it and keeps it. */
const CASES: [code: string, Case][] = [
  [
    'interface-addresses-equal',
    {
      says: 'the shared address is the own one',
      breaks: eth(0, { sharedAddress: '10.0.0.11' }),
      at: 'interfaces/eth0/sharedAddress',
      keeps: eth(0, { sharedAddress: '10.0.0.13' }),
    },
  ],
  [
    'interface-addresses-equal',
    {
      says: 'both units have one address',
      breaks: eth(0, { partnerAddress: '10.0.0.11' }),
      at: 'interfaces/eth0/partnerAddress',
      keeps: eth(0, { partnerAddress: '10.0.0.14' }),
    },
  ],
  [
    'interface-subnet',
    {
      says: 'the shared address is in another network',
      breaks: eth(0, { sharedAddress: '10.0.1.10' }),
      at: 'interfaces/eth0/sharedAddress',
      keeps: eth(0, { sharedAddress: '10.0.1.10', prefix: 16 }),
    },
  ],
  [
    'interface-subnet',
    {
      says: 'the partner is in another network',
      breaks: eth(0, { prefix: 29, partnerAddress: '10.0.0.17' }),
      at: 'interfaces/eth0/partnerAddress',
      keeps: eth(0, { prefix: 29, partnerAddress: '10.0.0.14' }),
    },
  ],
  [
    'interface-subnet',
    {
      says: 'one is IPv4 and the other IPv6',
      breaks: eth(0, { sharedAddress: '2001:db8::1' }),
      at: 'interfaces/eth0/sharedAddress',
      keeps: { 'interfaces/eth3': { address: '2001:db8::11', prefix: 64, sharedAddress: '2001:db8::1' } },
    },
  ],
  [
    'interface-prefix',
    {
      says: 'an IPv4 network has a prefix longer than its address',
      breaks: { 'interfaces/eth3': { address: '192.0.2.1', prefix: 99 } },
      at: 'interfaces/eth3/prefix',
      keeps: { 'interfaces/eth3': { address: '192.0.2.1', prefix: 32 } },
    },
  ],
  [
    'ha-checks-nowhere',
    {
      says: 'the last HA checks are switched off',
      breaks: eth(0, { haChecks: false }),
      at: 'interfaces',
      keeps: { ...eth(0, { haChecks: false }), ...eth(1, { haChecks: true }) },
    },
  ],
  [
    'ha-checks-nowhere',
    {
      says: 'the last interface with HA checks is removed',
      breaks: { 'interfaces/eth0': null, ha: { mode: 'first', virtualId: 139 } },
      at: 'interfaces',
      keeps: { 'interfaces/eth0': null, ha: { mode: 'none' } },
    },
  ],
  [
    'ha-checks-no-production',
    {
      says: 'HA checks run on the management interface only',
      breaks: { ...eth(0, { haChecks: false }), ...eth(1, { haChecks: true, purpose: 'management' }) },
      at: 'interfaces/eth1',
      keeps: eth(1, { haChecks: true, purpose: 'management' }),
    },
  ],
  [
    'ha-checks-direct-cable',
    {
      says: 'the direct cable has an address and HA checks',
      breaks: eth(2, { haChecks: true, address: '10.2.0.1', prefix: 30 }),
      at: 'interfaces/eth2',
      keeps: eth(2, { haChecks: true }),
    },
  ],
  [
    'link-fail-reboot-preferred-host',
    {
      says: 'a preferred host reboots on link failure',
      breaks: ha({ linkFailReboot: true, preferredHost: 'second' }),
      at: 'ha/linkFailReboot',
      keeps: ha({ linkFailReboot: true, preferredHost: 'none' }),
    },
  ],
  [
    'virtual-mac-on-virtual-unit',
    {
      says: 'a virtual unit uses the virtual MAC address',
      breaks: ha({ virtualMac: true }),
      at: 'ha/virtualMac',
      keeps: { ...ha({ virtualMac: true }), licence: { ...PAIR.licence, virtual: false } },
    },
  ],
  [
    'l4-sync-threshold',
    {
      says: 'the threshold is the period',
      breaks: ha({ l4SyncThreshold: 50 }),
      at: 'ha/l4SyncThreshold',
      keeps: ha({ l4SyncThreshold: 49 }),
    },
  ],
  [
    'l4-sync-threshold',
    {
      says: 'the period goes below the threshold that nobody set',
      breaks: ha({ l4SyncPeriod: 3 }),
      at: 'ha/l4SyncThreshold',
      keeps: ha({ l4SyncPeriod: 4 }),
    },
  ],
  [
    'backup-schedule-ftp',
    {
      says: 'bundles would go by FTP',
      breaks: { backupSchedule: { enabled: true, method: 'ftp', host: 'backup.site.example' } },
      at: 'backupSchedule/method',
      keeps: { backupSchedule: { enabled: false, method: 'ftp', host: 'backup.site.example' } },
    },
  ],
  [
    'backup-schedule-ftp',
    {
      says: 'it is switched on and says no method, which is FTP',
      breaks: { backupSchedule: { enabled: true } },
      at: 'backupSchedule/method',
      keeps: { backupSchedule: { enabled: true, method: 'local' } },
    },
  ],
  [
    'virtual-id-low',
    {
      says: 'the Virtual ID is 10',
      breaks: ha({ virtualId: 10 }),
      at: 'ha/virtualId',
      keeps: ha({ virtualId: 11 }),
    },
  ],
  [
    'virtual-service-on-unit-address',
    {
      says: 'it is on the own address',
      breaks: vs('udp:10.0.0.11:53'),
      at: 'virtualServices/udp:10.0.0.11:53',
      keeps: vs('udp:10.0.0.10:53'),
    },
  ],
  [
    'virtual-service-on-unit-address',
    {
      says: "it is on the partner's address",
      breaks: vs('tcp:10.1.0.12:80'),
      at: 'virtualServices/tcp:10.1.0.12:80',
      keeps: vs('tcp:10.1.0.13:80'),
    },
  ],
  [
    'virtual-service-on-unit-address',
    {
      says: 'its further address is the own one',
      breaks: vs('tcp:10.0.0.50:80', { altAddress: '10.0.0.11' }),
      at: 'virtualServices/tcp:10.0.0.50:80',
      keeps: vs('tcp:10.0.0.50:80', { altAddress: '10.0.0.51' }),
    },
  ],
  [
    'virtual-service-on-unit-address',
    {
      says: 'the unit gets the address of one',
      breaks: eth(0, { additionalAddresses: ['10.0.0.10/24'] }),
      at: 'virtualServices/tcp:10.0.0.10:443',
      keeps: eth(0, { additionalAddresses: ['10.0.0.20/24'] }),
    },
  ],
  [
    'virtual-service-on-update-port',
    {
      says: 'it is on TCP/6973 of the update interface',
      breaks: vs('tcp:10.0.0.10:6973'),
      at: 'virtualServices/tcp:10.0.0.10:6973',
      keeps: vs('udp:10.0.0.10:6973'),
    },
  ],
  [
    'virtual-service-on-update-port',
    {
      says: 'its extra ports cover TCP/6973',
      breaks: vs('tcp:10.0.0.10:80', { extraPorts: ['81', '6000-7000'] }),
      at: 'virtualServices/tcp:10.0.0.10:80',
      keeps: vs('tcp:10.0.0.10:80', { extraPorts: ['81', '6974-7000'] }),
    },
  ],
  [
    'virtual-service-on-update-port',
    {
      says: 'updates move to the interface that it is on',
      breaks: { ...vs('tcp:10.1.0.10:6973'), ...ha({ updateInterface: 'eth1' }) },
      at: 'virtualServices/tcp:10.1.0.10:6973',
      keeps: vs('tcp:10.1.0.10:6973'),
    },
  ],
  [
    'virtual-service-on-ssh',
    {
      says: 'it is on TCP/22 of an interface',
      breaks: vs('tcp:10.1.0.10:22'),
      at: 'virtualServices/tcp:10.1.0.10:22',
      keeps: vs('tcp:10.1.0.99:22'),
    },
  ],
  [
    'virtual-service-on-ssh',
    {
      says: 'it is on every port of an interface',
      breaks: vs('tcp:10.1.0.10:*'),
      at: 'virtualServices/tcp:10.1.0.10:*',
      keeps: vs('udp:10.1.0.10:*'),
    },
  ],
  [
    'virtual-service-on-ssh',
    {
      says: 'SSH is answered on another port, and it is on that',
      breaks: { access: { sshPort: 2222 }, ...vs('tcp:10.1.0.10:2222') },
      at: 'virtualServices/tcp:10.1.0.10:2222',
      keeps: { access: { sshPort: 2222 }, ...vs('tcp:10.1.0.10:22') },
    },
  ],
  [
    'virtual-service-on-unit-address',
    {
      says: 'it is on every address, that of the unit too',
      breaks: vs('tcp:0.0.0.0:80'),
      at: 'virtualServices/tcp:0.0.0.0:80',
      keeps: vs('tcp:10.0.0.99:80'),
    },
  ],
  [
    'virtual-service-on-unit-address',
    {
      says: 'its further address is that of the unit',
      breaks: vs('tcp:10.0.0.99:80', { altAddress: '10.0.0.11' }),
      at: 'virtualServices/tcp:10.0.0.99:80',
      keeps: vs('tcp:10.0.0.99:80', { altAddress: '10.0.0.98' }),
    },
  ],
  [
    'virtual-service-unreachable-address',
    {
      says: 'it is on a loopback address',
      breaks: vs('tcp:127.0.0.1:80'),
      at: 'virtualServices/tcp:127.0.0.1:80/address',
      keeps: vs('tcp:128.0.0.1:80'),
    },
  ],
  [
    'virtual-service-unreachable-address',
    {
      says: 'it is on the loopback address of IPv6',
      breaks: vs('tcp:[::1]:80'),
      at: 'virtualServices/tcp:[::1]:80/address',
      keeps: vs('tcp:[::2]:80'),
    },
  ],
  [
    'virtual-service-unreachable-address',
    {
      says: 'its further address is a multicast address',
      breaks: vs('udp:10.0.0.99:80', { altAddress: '224.0.0.18' }),
      at: 'virtualServices/udp:10.0.0.99:80/altAddress',
      keeps: vs('udp:10.0.0.99:80', { altAddress: '223.0.0.18' }),
    },
  ],
  [
    'virtual-service-unreachable-address',
    {
      says: 'it is on a multicast address of IPv6',
      breaks: vs('udp:[ff02::1]:80'),
      at: 'virtualServices/udp:[ff02::1]:80/address',
      keeps: vs('udp:[fe02::1]:80'),
    },
  ],
  [
    'virtual-service-unreachable-address',
    {
      says: 'it is on the broadcast address',
      breaks: vs('udp:255.255.255.255:80'),
      at: 'virtualServices/udp:255.255.255.255:80/address',
      keeps: vs('udp:255.255.255.254:80'),
    },
  ],
  [
    'virtual-service-unreachable-address',
    {
      says: 'it is on the broadcast address of an interface',
      breaks: vs('tcp:10.0.0.255:80'),
      at: 'virtualServices/tcp:10.0.0.255:80/address',
      keeps: vs('tcp:10.0.0.254:80'),
    },
  ],
  [
    'check-pattern-with-head',
    {
      says: 'an HTTP check looks for a pattern and asks for no body',
      breaks: vs('tcp:10.0.0.10:80', { checkType: 'http', checkPattern: 'ready' }),
      at: 'virtualServices/tcp:10.0.0.10:80/checkPattern',
      keeps: vs('tcp:10.0.0.10:80', { checkType: 'http', checkPattern: 'ready', checkMethod: 'options' }),
    },
  ],
  [
    'check-pattern-with-head',
    {
      says: 'a Sub-Virtual Service does so',
      breaks: {
        ...vs('tcp:10.0.0.10:80'),
        ...vs('tcp:10.0.0.10:80/subVirtualServices/api', {
          checkType: 'https',
          checkMethod: 'head',
          checkPattern: 'ready',
        }),
      },
      at: 'virtualServices/tcp:10.0.0.10:80/subVirtualServices/api/checkPattern',
      keeps: {
        ...vs('tcp:10.0.0.10:80'),
        ...vs('tcp:10.0.0.10:80/subVirtualServices/api', { checkType: 'tcp', checkPattern: 'ready' }),
      },
    },
  ],
  [
    'virtual-service-overlap',
    {
      says: 'its extra ports are those of another',
      breaks: vs('tcp:10.0.0.10:80', { extraPorts: ['81', '440-450'] }),
      at: 'virtualServices/tcp:10.0.0.10:80/extraPorts',
      keeps: vs('tcp:10.0.0.10:80', { extraPorts: ['81', '444-450'] }),
    },
  ],
  [
    'virtual-service-overlap',
    {
      says: 'it is on an extra port of another that was there before',
      breaks: { ...vs('tcp:10.0.0.99:80', { extraPorts: ['81', '8000-8100'] }), ...vs('tcp:10.0.0.99:8050') },
      at: 'virtualServices/tcp:10.0.0.99:8050',
      keeps: { ...vs('tcp:10.0.0.99:80', { extraPorts: ['81', '8000-8100'] }), ...vs('udp:10.0.0.99:8050') },
    },
  ],
  [
    'virtual-service-overlap',
    {
      says: 'it is on every port of an address that another has',
      breaks: { ...vs('tcp:10.0.0.98:*', { altAddress: '10.0.0.97' }), ...vs('tcp:10.0.0.97:443') },
      at: 'virtualServices/tcp:10.0.0.97:443',
      keeps: { ...vs('tcp:10.0.0.98:*', { altAddress: '10.0.0.97' }), ...vs('tcp:10.0.0.96:443') },
    },
  ],
  [
    'virtual-service-overlap',
    {
      says: 'its further address is the address of another',
      breaks: vs('tcp:10.0.0.99:443', { altAddress: '10.0.0.10' }),
      at: 'virtualServices/tcp:10.0.0.99:443/altAddress',
      keeps: vs('tcp:10.0.0.99:443', { altAddress: '10.0.0.13' }),
    },
  ],
  [
    'virtual-service-overlap',
    {
      says: 'both have one further address',
      breaks: {
        ...vs('tcp:10.0.0.98:80', { altAddress: '2001:db8::1' }),
        ...vs('tcp:10.0.0.99:80', { altAddress: '2001:db8::1' }),
      },
      at: 'virtualServices/tcp:10.0.0.99:80/altAddress',
      keeps: {
        ...vs('tcp:10.0.0.98:80', { altAddress: '2001:db8::1' }),
        ...vs('tcp:10.0.0.99:81', { altAddress: '2001:db8::1' }),
      },
    },
  ],
  [
    'virtual-service-overlap',
    {
      says: 'it is on the one port of another that is on every port',
      breaks: { ...vs('udp:10.0.0.99:*'), ...vs('udp:10.0.0.99:53') },
      at: 'virtualServices/udp:10.0.0.99:53',
      keeps: { ...vs('udp:10.0.0.99:*'), ...vs('tcp:10.0.0.99:53') },
    },
  ],
  [
    'esp-not-licensed',
    {
      says: 'the unit is not licensed for the ESP that it runs',
      breaks: esp({ espEnabled: true }),
      at: 'virtualServices/tcp:10.0.0.10:8443',
      keeps: esp({ espEnabled: false }),
    },
  ],
];

async function openStore(port: StorePort = openMemory()): Promise<Store> {
  const store = await Store.open({ port, catalog, rules: [...RULES, ...NOTICES], now: () => new Date(0) });
  await store.setRole('active', 1);
  return store;
}

function changesTo(site: Site): Change[] {
  return Object.entries(site).map(([path, value]) =>
    value === null ? { op: 'remove', path } : { op: 'put', path, value },
  );
}

const commit = (store: Store, site: Site) =>
  store.commit({ changes: changesTo(site), kind: 'change', author: 'ada', reason: 'test' });

/** What stands against `site` on top of the good pair: the refusal's problems, or the warnings afterwards. */
async function problemsWith(site: Site): Promise<Problem[]> {
  const store = await openStore();
  await commit(store, PAIR);
  try {
    await commit(store, site);
    const standing = [];
    for await (const path of store.paths('virtualServices'))
      standing.push(...(await store.standingProblems(path)));
    return [...(await store.warnings()), ...standing];
  } catch (error) {
    if (error instanceof LockstepError) return error.facts.problems as Problem[];
    throw error;
  } finally {
    await store.close();
  }
}

describe('the rules across records', () => {
  it('are all kept by a good pair', async () => {
    assert.deepEqual(await problemsWith({}), []);
  });

  it('each have a case here, and each case a rule', () => {
    assert.deepEqual(
      [...new Set(CASES.map(([code]) => code))].sort(),
      RULES.filter(({ looksAt }) => looksAt.length > 0)
        .map(({ code }) => code)
        .sort(),
    );
  });

  it('have one code each, and look at kinds that there are', () => {
    assert.equal(new Set(RULES.map(({ code }) => code)).size, RULES.length);
    for (const { code, looksAt } of RULES)
      for (const name of looksAt) assert.ok(catalog.kindNamed(name), `${code}: ${name}`);
  });

  for (const [code, { says, breaks, at, keeps }] of CASES) {
    it(`${code}: ${says}`, async () => {
      const problems = await problemsWith(breaks);
      assert.deepEqual(
        problems.map(problem => [problem.code, problem.path]),
        [[code, at]],
        JSON.stringify(problems),
      );
      assert.equal(problems[0]?.hint, RULES.find(rule => rule.code === code)?.hint);
      assert.deepEqual(await problemsWith(keeps), []);
    });
  }

  it('that are errors refuse the change, and nothing is changed', async () => {
    const store = await openStore();
    await commit(store, PAIR);
    const { revision, digest } = store.head;
    await assert.rejects(commit(store, { ...ha({ virtualMac: true }), 'users/ada': {} }), {
      code: 'rule-broken',
    });
    await assert.rejects(
      commit(store, ha({ virtualMac: true, linkFailReboot: true, preferredHost: 'first' })),
      { code: 'invalid-change' },
    );
    assert.deepEqual([store.head.revision, store.head.digest], [revision, digest]);
    assert.equal(await store.read('users/ada'), undefined);
    await store.close();
  });

  it('that are warnings let the change in, until it is mended', async () => {
    const store = await openStore();
    await commit(store, { ...PAIR, ...ha({ virtualId: 3 }) });
    assert.deepEqual(
      (await store.warnings()).map(({ code }) => code),
      ['virtual-id-low'],
    );
    await commit(store, ha({ virtualId: 139 }));
    assert.deepEqual(await store.warnings(), []);
    await store.close();
  });

  it('that are notices are told with the change that brings it, and only then', async () => {
    const store = await openStore();
    await commit(store, PAIR);
    const told = async (site: Site): Promise<string[]> =>
      (await commit(store, site)).warnings.map(({ code, path }) => `${code} ${path}`);
    assert.deepEqual(await told(ha({ preferredHost: 'first' })), ['preferred-host ha/preferredHost']);
    assert.deepEqual(await told(ha({ preferredHost: 'first', timeout: 15 })), []);
    assert.deepEqual(await told(ha({ timeout: 15 })), []);
    assert.deepEqual(await store.warnings(), []);
    await store.close();
  });

  it('that are warnings are told with the change that brings it', async () => {
    const store = await openStore();
    await commit(store, PAIR);
    const { warnings } = await commit(store, { ...ha({ virtualId: 3 }), ...vs('tcp:127.0.0.1:80') });
    assert.deepEqual(
      warnings.map(({ code, path }) => `${code} ${path}`),
      [
        'virtual-id-low ha/virtualId',
        'virtual-service-unreachable-address virtualServices/tcp:127.0.0.1:80/address',
      ],
    );
    assert.deepEqual((await commit(store, ha({ virtualId: 3, timeout: 15 }))).warnings, []);
    await store.close();
  });

  it('find two Virtual Services on one place in a store of a release that had no index of places', async () => {
    const port = openMemory();
    const first = await openStore(port);
    await commit(first, { ...PAIR, ...vs('tcp:10.0.0.99:80', { altAddress: '2001:db8::1' }) });
    const names = [];
    for await (const [key] of port.range({ from: 'f places/', to: 'f places0' })) names.push(key);
    await port.batch({ expect: [], put: [], remove: names });
    const { indexed: _indexed, ...head } = JSON.parse(String(await port.get('head')));
    await port.batch({ expect: [], put: [['head', Buffer.from(JSON.stringify(head))]], remove: [] });
    const store = await openStore(port);
    await assert.rejects(commit(store, vs('tcp:[2001:db8::1]:80')), { code: 'rule-broken' });
    await commit(store, { 'virtualServices/tcp:10.0.0.99:80': null });
    await commit(store, vs('tcp:[2001:db8::1]:80'));
    await store.close();
  });

  it('do not ask a single unit for HA checks', async () => {
    const store = await openStore();
    await commit(store, { ha: { mode: 'none' }, 'interfaces/eth0': { address: '10.0.0.11', prefix: 24 } });
    await store.close();
  });
});

/** The port, counting the keys that are read. */
function counting(port: StorePort): { port: StorePort; reads: () => number } {
  let reads = 0;
  const counted: StorePort = {
    get: key => {
      reads++;
      return port.get(key);
    },
    range: async function* (range) {
      for await (const entry of port.range(range)) {
        reads++;
        yield entry;
      }
    },
    batch: batch => port.batch(batch),
    snapshot: () => port.snapshot(),
    close: () => port.close(),
  };
  return { port: counted, reads: () => reads };
}

describe('the cost of the rules', () => {
  const SERVICES = 2_000;
  const many = Object.assign(
    {},
    ...Array.from({ length: SERVICES }, (_, index) => vs(`tcp:10.9.${index >> 8}.${index & 255}:443`)),
  ) as Site;
  const { port, reads } = counting(openMemory());
  let store: Store;
  before(async () => {
    store = await openStore(port);
    await commit(store, { ...PAIR, ...many });
  });
  after(() => store.close());

  const touches: [what: string, site: Site][] = [
    ['one Virtual Service', vs('tcp:10.9.3.3:443', { nickname: 'shop' })],
    ['a new Virtual Service', vs('tcp:10.9.200.1:443')],
    [
      'a Virtual Service with extra ports and a further address',
      vs('tcp:10.9.200.2:80', { extraPorts: ['81', '9000-9010'], altAddress: '10.9.200.3' }),
    ],
    ['a new Virtual Service on every port', vs('tcp:10.9.200.4:*')],
    ['an interface', eth(0, { sharedAddress: '10.0.0.9' })],
    ['the HA parameters', ha({ timeout: 15 })],
    ['the licence', { licence: { ...PAIR.licence, esp: false } }],
  ];
  for (const [what, site] of touches) {
    it(`does not grow with the configuration: ${what} among ${SERVICES} costs fewer than 100 reads`, async () => {
      const before = reads();
      await commit(store, site);
      assert.ok(reads() - before < 100, `${reads() - before} reads`);
    });
  }
});
