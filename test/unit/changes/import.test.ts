import assert from 'node:assert/strict';
import type { LeftOut } from '../../../loadmaster/import.ts';
import type { JsonObject } from '../../../schema/json.ts';
import { MASK } from '../../../schema/record.ts';
import { RULES } from '../../../schema/rules/index.ts';
import { openMemory } from '../../../store/memory.ts';
import { Store } from '../../../store/store.ts';
import { captureChanges } from '../../../unit/changes/import.ts';
import { catalog } from '../../schema/records-of.ts';

/** A reply of `getall` that says these parameters, and the one that every appliance says. */
function getall(parameters: Record<string, string>): { name: string; text: string } {
  const data = Object.entries({ version: '7.2.54', ...parameters }).map(
    ([name, value]) => `<${name}>${value}</${name}>`,
  );
  return {
    name: 'getall.xml',
    text: `<Response stat="200" code="ok"><Success><Data>${data.join('')}</Data></Success></Response>`,
  };
}

describe('an import of captures', () => {
  let store: Store;
  beforeEach(async () => {
    store = await Store.open({ port: openMemory(), catalog, rules: RULES, now: () => new Date(0) });
    await store.setRole('active', 1);
  });
  afterEach(() => store.close());

  async function given(records: Record<string, JsonObject>): Promise<void> {
    const changes = Object.entries(records).map(([path, value]) => ({ op: 'put' as const, path, value }));
    await store.commit({ changes, kind: 'init', author: 'ada', reason: 'init' });
  }

  /** Only what the unit kept its own of. */
  async function imported(parameters: Record<string, string>): Promise<LeftOut[]> {
    const { leftOut, changes } = captureChanges(catalog, [getall(parameters)]);
    await store.commit({ changes, kind: 'import', author: 'ada', reason: 'import' });
    return leftOut.filter(({ reason }) => reason === 'this unit keeps its own');
  }

  it('makes records of what a new unit does not say itself', async () => {
    assert.deepEqual(await imported({ hostname: 'lm-old', hamode: '1', havhid: '139' }), []);
    assert.deepEqual(await store.read('host'), { hostname: 'lm-old' });
    assert.deepEqual(await store.read('ha'), { mode: 'first', virtualId: 139 });
  });

  it("keeps the unit's own name, mode and gateway, and lists the captured ones", async () => {
    await given({
      host: { hostname: 'lb-a' },
      ha: { mode: 'second', virtualId: 1 },
      network: { defaultGateway: '10.20.0.1' },
    });
    const kept = await imported({ hostname: 'lm-old', hamode: '1', havhid: '139', dfltgw: '192.0.2.1' });
    assert.deepEqual(
      kept.sort((a, b) => (a.source < b.source ? -1 : 1)),
      [
        { source: 'ha', parameter: 'mode', value: 'first', reason: 'this unit keeps its own' },
        { source: 'host', parameter: 'hostname', value: 'lm-old', reason: 'this unit keeps its own' },
        {
          source: 'network',
          parameter: 'defaultGateway',
          value: '192.0.2.1',
          reason: 'this unit keeps its own',
        },
      ],
    );
    assert.deepEqual(await store.read('host'), { hostname: 'lb-a' });
    assert.deepEqual(await store.read('ha'), { mode: 'second', virtualId: 139 });
    assert.equal((await store.read('network'))?.defaultGateway, '10.20.0.1');
  });

  it('brings a schedule that sends bundles by FTP in switched off, and says so', async () => {
    const { leftOut, changes } = captureChanges(catalog, [
      getall({ backupenable: 'yes', backupmethod: 'wput', backuphost: '192.0.2.9', backuphour: '3' }),
    ]);
    await store.commit({ changes, kind: 'import', author: 'ada', reason: 'import' });
    assert.deepEqual(await store.read('backupSchedule'), {
      enabled: false,
      method: 'ftp',
      host: '192.0.2.9',
      hour: 3,
    });
    assert.deepEqual(
      leftOut.filter(({ source }) => source === 'backupSchedule'),
      [
        {
          source: 'backupSchedule',
          parameter: 'enabled',
          value: 'true',
          reason: 'no bundle goes by FTP: set method sftp, then switch it on',
        },
      ],
    );
  });

  it('takes over what the pair shares', async () => {
    await given({ ha: { mode: 'first', timeout: 9 } });
    await imported({ hatimeout: '1' });
    assert.deepEqual(await store.read('ha'), { mode: 'first', timeout: 3 });
  });

  it('keeps what the captures pass over', async () => {
    await given({ ha: { mode: 'first', virtualId: 77 }, snmp: { community: 'kept' } });
    await imported({ hatimeout: '1', snmpenable: 'yes', snmpcommunity: '***' });
    assert.deepEqual(await store.read('ha'), { mode: 'first', virtualId: 77, timeout: 3 });
    assert.equal((await store.read('snmp'))?.community, 'kept');
  });

  it('does not list what both say alike, lists included', async () => {
    await given({ host: { hostname: 'lb-a' }, dns: { nameServers: ['192.0.2.53', '192.0.2.54'] } });
    assert.deepEqual(await imported({ hostname: 'lb-a', nameserver: '192.0.2.53 192.0.2.54' }), []);
    const [differs] = await imported({ nameserver: '192.0.2.54 192.0.2.53' });
    assert.deepEqual(
      [differs?.source, differs?.parameter, differs?.value],
      ['dns', 'nameServers', '["192.0.2.54","192.0.2.53"]'],
    );
    assert.deepEqual((await store.read('dns'))?.nameServers, ['192.0.2.53', '192.0.2.54']);
  });

  it('never lists a secret', async () => {
    await given({ time: { ntpKeySecret: 'own-secret' } });
    const kept = await imported({ ntpkeysecret: 'captured-secret' });
    assert.deepEqual(
      kept.map(({ parameter, value }) => [parameter, value]),
      [['ntpKeySecret', MASK]],
    );
    assert.equal((await store.read('time'))?.ntpKeySecret, 'own-secret');
  });

  it('made twice changes nothing the second time', async () => {
    await given({ host: { hostname: 'lb-a' } });
    const parameters = { hostname: 'lm-old', hamode: '0', havhid: '139', dfltgw: '192.0.2.1' };
    await imported(parameters);
    const { revision } = store.head;
    await imported(parameters);
    assert.equal(store.head.revision, revision);
  });

  it('is refused before anything changes when a file is no capture', () => {
    assert.throws(() => captureChanges(catalog, [{ name: 'x.xml', text: 'dfltgw=10.0.0.1' }]), {
      code: 'bad-capture',
    });
  });
});
