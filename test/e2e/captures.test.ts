import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { ImportAnswer } from '../../api/contract/changes.ts';
import { exportLoadMaster } from '../../loadmaster/export.ts';
import { builtInSchemas, loadCatalog } from '../../schema/catalog.ts';
import type { ConfigRecord } from '../../schema/document.ts';
import { splitRecord } from '../../schema/record.ts';
import { pairUp, TestUnit, temporaryFolder } from './daemon.ts';

const REAL = path.resolve('..', 'shared', 'data', 'loadmaster');
const FILES = ['getall-7.2.54-single.xml', 'listvs.xml', 'showrs.xml'].map(name => path.join(REAL, name));

type Values = Record<string, string | string[]>;

/** What an object of a capture says, read without the importer's help; parameters without a value say nothing. */
function saidIn(file: string): Values {
  const text = readFileSync(path.join(REAL, file), 'utf8');
  const lists = [...text.matchAll(/<(\w+Opts)>(.*?)<\/\1>/gs)].map(([, name, list]) => [
    name,
    [...(list ?? '').matchAll(/<Opt>(.*?)</g)].map(([, opt]) => opt),
  ]);
  const plain = [...text.replaceAll(/<(\w+Opts)>.*?<\/\1>/gs, '').matchAll(/<([\w.]+)>([^<]+)<\/\1>/g)].map(
    ([, name, value]) => [name, value],
  );
  return Object.fromEntries([...plain, ...lists]) as Values;
}

const without = (said: Values, names: string[]): Values =>
  Object.fromEntries(Object.entries(said).filter(([name]) => !names.includes(name)));

/** Parameters that belong to one unit: the active one took them over or kept its own; the standby hears nothing of them. */
const OF_ONE_UNIT = [
  'dfltgw',
  'dhcpv6',
  'dhcpv6duid',
  'dhcpv6release',
  'hamode',
  'hostname',
  'nameserver',
  'ntphost',
  'ntpkeyid',
  'serialnumber',
  'version',
];

/** What stayed out, by where it was said; why is told by the tests of the import itself. */
const NO_COUNTERPART: Record<string, string[]> = {
  'getall-7.2.54-single.xml': [
    'activetime',
    'admincert',
    'backupident',
    'backuppassword',
    'boottime',
    'emailpassword',
    'localcert',
    'ntpkeysecret',
    'radiusbackupsecret',
    'radiussecret',
    'snmpv3userpasswd',
    'time',
  ],
  'listvs.xml, Virtual Service 1': [
    'FollowVSID',
    'Index',
    'IsTransparent',
    'MasterVS',
    'MasterVSID',
    'NMatchBodyRules',
    'NPreProcessRules',
    'NRequestRules',
    'NResponseRules',
    'NRules',
    'NumberOfRSs',
    'Status',
  ],
  'showrs.xml, Real Server 1': ['Follow', 'Nrules', 'RsIndex', 'Status', 'VSIndex'],
  // The unit has values of its own for these.
  ha: ['mode'],
  host: ['hostname'],
  licence: ['release'],
};

describe('the real captures of a LoadMaster on a pair', function () {
  this.timeout(60_000);
  const { folder, remove } = temporaryFolder();
  const ha1 = new TestUnit(path.join(folder, 'ha1'), '127.0.72.1');
  const ha2 = new TestUnit(path.join(folder, 'ha2'), '127.0.72.2');
  let imported: ImportAnswer;
  let exported: ReturnType<typeof exportLoadMaster>;

  before(async function () {
    if (!existsSync(REAL)) {
      process.stdout.write('      skipped: ../shared/data/loadmaster is not here\n');
      this.skip();
    }
    await Promise.all([
      ha1
        .init({ mode: 'first', name: 'lb1', address: '10.0.0.11/24', partner: '10.0.0.12' })
        .then(unit => unit.start()),
      ha2
        .init({ mode: 'second', name: 'lb2', address: '10.0.0.12/24', partner: '10.0.0.11' })
        .then(unit => unit.start()),
    ]);
    await pairUp(ha1, ha2);
    imported = (await ha1.json<ImportAnswer>('import', 'loadmaster', ...FILES)).answer;
    await ha1.api.call('forceUpdate');
    exported = exportLoadMaster(
      await pairScope(ha2),
      builtInSchemas().map(({ schema }) => schema),
    );
  });

  after(async () => {
    await Promise.all([ha1.stop(), ha2.stop()]);
    remove();
  });

  /** What the standby got, without anything that it would have by itself. */
  function pairScope(unit: TestUnit): Promise<ConfigRecord[]> {
    const catalog = loadCatalog();
    return unit.stored(async store => {
      const records: ConfigRecord[] = [];
      for await (const record of store.list()) {
        const { pair } = splitRecord(catalog.kindOf(record.path), record.value);
        if (pair !== undefined) records.push({ path: record.path, value: pair });
      }
      return records;
    });
  }

  const left = (source: string): string[] =>
    imported.leftOut
      .filter(each => each.source === source)
      .map(({ parameter }) => parameter)
      .sort();

  it('list what has no counterpart, and what the unit keeps of its own', () => {
    const sources = [...new Set(imported.leftOut.map(({ source }) => source))];
    assert.deepEqual(Object.fromEntries(sources.map(source => [source, left(source)])), NO_COUNTERPART);
  });

  it('give the settings of the unit back from the standby, field by field', () => {
    const { haif, ...settings } = exported.getall;
    const said = saidIn('getall-7.2.54-single.xml');
    assert.deepEqual(settings, without(said, [...left('getall-7.2.54-single.xml'), ...OF_ONE_UNIT]));
    assert.equal(haif, '0', 'a single unit has no update interface: the one of the pair stays');
  });

  it('give the Virtual Service and its Real Server back from the standby, field by field', () => {
    const [service] = exported.services;
    assert.equal(exported.services.length, 1);
    assert.deepEqual(
      service?.parameters,
      without(saidIn('listvs.xml'), left('listvs.xml, Virtual Service 1')),
    );
    const server = without(saidIn('showrs.xml'), left('showrs.xml, Real Server 1'));
    assert.deepEqual(
      service?.realServers.map(({ parameters }) => parameters),
      [server],
    );
  });
});
