import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { exportLoadMaster, RecordExporter } from '../../loadmaster/export.ts';
import { importLoadMaster, type LeftOut, type LoadMasterImport } from '../../loadmaster/import.ts';
import { builtInSchemas, loadCatalog } from '../../schema/catalog.ts';
import { type ConfigRecord, fromDocument } from '../../schema/document.ts';
import { LockstepError } from '../../schema/error.ts';
import { type JsonObject, parseDocument } from '../../schema/json.ts';
import { unitScopedFields } from '../../schema/record.ts';

const REAL = path.resolve('..', 'shared', 'data', 'loadmaster');
const SITE = path.resolve('examples', 'site');
const catalog = loadCatalog();
const kinds = builtInSchemas().map(({ schema }) => schema);

type Values = Record<string, string | string[]>;
type File = { name: string; text: string };

const read = (folder: string, name: string): File => ({
  name,
  text: readFileSync(path.join(folder, name), 'utf8'),
});
const take = (...files: File[]): LoadMasterImport => importLoadMaster(files, kinds);
const recordAt = ({ records }: LoadMasterImport, at: string): JsonObject =>
  records.find(record => record.path === at)?.value ?? assert.fail(`there is no ${at}`);
const briefly = ({ source, parameter, reason }: LeftOut): string => `${source}: ${parameter}: ${reason}`;

/** A v1 reply with one `VS` for each text. */
const listvs = (...services: string[]): File => ({
  name: 'listvs.xml',
  text: `<Response stat="200" code="ok"><Success><Data>${services.map(text => `<VS>${text}</VS>`).join('')}</Data></Success></Response>`,
});
const vs = (index: number, more = ''): string =>
  `<Index>${index}</Index><VSAddress>10.20.0.${index}</VSAddress><VSPort>80</VSPort><Protocol>tcp</Protocol>${more}`;

function assertValid(records: ConfigRecord[]): void {
  for (const { path: at, value } of records)
    assert.deepEqual(catalog.problems(catalog.kindOf(at), at, value), [], at);
}

/** What an object of a capture says, read without the importer's help; parameters without a value say nothing. */
function saidIn(text: string): Values {
  const lists = [...text.matchAll(/<(\w+Opts)>(.*?)<\/\1>/gs)].map(([, name, list]) => [
    name,
    [...(list ?? '').matchAll(/<Opt>(.*?)</g)].map(([, opt]) => opt),
  ]);
  const plain = [...text.replaceAll(/<(\w+Opts)>.*?<\/\1>/gs, '').matchAll(/<([\w.]+)>([^<]+)<\/\1>/g)].map(
    ([, name, value]) => [name, value],
  );
  return Object.fromEntries([...plain, ...lists]) as Values;
}

/** The same for v2, whose booleans and numbers v1 spells as text. */
function saidInJson(object: object): Values {
  const spelled = (value: unknown): unknown =>
    typeof value === 'boolean' ? (value ? 'Y' : 'N') : Array.isArray(value) ? value : String(value);
  return Object.fromEntries(
    Object.entries(object)
      .map(([name, value]) => [name, spelled(value)])
      .filter(([, value]) => value !== ''),
  ) as Values;
}

/** Field by field: what is exported, and what was left out, is together what the capture says. */
function assertWhole(said: Values, exported: Values, leftOut: LeftOut[]): void {
  const left = Object.fromEntries(leftOut.map(({ parameter, value }) => [parameter, value]));
  assert.equal(Object.keys(exported).filter(parameter => parameter in left).length, 0);
  assert.deepEqual({ ...exported, ...left }, said);
}

const STATE = 'a state, not a setting';
const COUNT = 'a count, not a setting';
const NUMBER = 'a number that the appliance gives; records are named by what they are';
const NESTED = 'Sub-Virtual Services are nested in their Virtual Service here';
const MASKED = 'masked by the appliance: set it again';
const CLOCK = 'a reading of the clock, not a setting';
const UNSET = 'nothing is set';

const LEFT_OF_UNIT: [string, string][] = [
  ['activetime', CLOCK],
  ['admincert', UNSET],
  ['backupident', MASKED],
  ['backuppassword', MASKED],
  ['boottime', CLOCK],
  ['emailpassword', MASKED],
  ['localcert', UNSET],
  ['ntpkeysecret', MASKED],
  ['radiusbackupsecret', MASKED],
  ['radiussecret', MASKED],
  ['snmpv3userpasswd', MASKED],
  ['time', CLOCK],
];
const LEFT_OF_SERVICE: [string, string][] = [
  ['FollowVSID', UNSET],
  ['Index', NUMBER],
  ['IsTransparent', STATE],
  ['MasterVS', NESTED],
  ['MasterVSID', NESTED],
  ['NMatchBodyRules', COUNT],
  ['NPreProcessRules', COUNT],
  ['NRequestRules', COUNT],
  ['NResponseRules', COUNT],
  ['NRules', COUNT],
  ['NumberOfRSs', COUNT],
  ['Status', STATE],
];
const LEFT_OF_SERVER: [string, string][] = [
  ['Follow', UNSET],
  ['Nrules', COUNT],
  ['RsIndex', NUMBER],
  ['Status', STATE],
  ['VSIndex', NUMBER],
];

function assertLeft(leftOut: LeftOut[], expected: [string, string][]): void {
  const found = leftOut.map(({ parameter, reason }) => [parameter, reason] as const);
  assert.deepEqual(
    found.sort(([a], [b]) => (a < b ? -1 : 1)),
    expected,
  );
}

const here = existsSync(REAL);
describe(`real captures of a LoadMaster${here ? '' : ' (skipped: ../shared/data/loadmaster is not here)'}`, () => {
  before(function () {
    if (!here) this.skip();
  });

  it('give the settings of a unit and give them back, field by field', () => {
    const file = read(REAL, 'getall-7.2.54-single.xml');
    const taken = take(file);
    assertValid(taken.records);
    assertLeft(taken.leftOut, LEFT_OF_UNIT);
    assertWhole(saidIn(file.text), exportLoadMaster(taken.records, kinds).getall, taken.leftOut);
    assert.deepEqual(taken.needs, ['interfaces/eth0']);
    assert.equal(recordAt(taken, 'ha').mode, 'none');
    assert.equal(recordAt(taken, 'licence').release, '7.2.54.12.22642.RELEASE');
  });

  it('never take a masked secret for a secret', () => {
    const { records, leftOut } = take(read(REAL, 'getall-7.2.54-single.xml'));
    assert.equal(JSON.stringify(records).includes('***'), false);
    assert.equal(leftOut.filter(({ reason }) => reason === MASKED).length, 7);
  });

  for (const form of ['xml', 'json']) {
    it(`give a Virtual Service and its Real Server and give them back, field by field (${form})`, () => {
      const [services, servers] = [read(REAL, `listvs.${form}`), read(REAL, `showrs.${form}`)];
      const taken = take(services, servers);
      assertValid(taken.records);
      const [ofServer, ofService] = [
        taken.leftOut.filter(({ source }) => source.includes('Real Server')),
        taken.leftOut.filter(({ source }) => !source.includes('Real Server')),
      ];
      assertLeft(ofService, LEFT_OF_SERVICE);
      assertLeft(ofServer, LEFT_OF_SERVER);
      const [service] = exportLoadMaster(taken.records, kinds).services;
      const said = ({ text }: File, list: 'VS' | 'Rs'): Values =>
        form === 'xml' ? saidIn(text) : saidInJson(JSON.parse(text)[list][0]);
      assertWhole(said(services, 'VS'), service?.parameters ?? {}, ofService);
      assertWhole(said(servers, 'Rs'), service?.realServers[0]?.parameters ?? {}, ofServer);
    });
  }

  it('of a Real Server alone are reported, not guessed at', () => {
    const { records, leftOut } = take(read(REAL, 'showrs.json'));
    assert.deepEqual(records, []);
    assert.deepEqual(leftOut.map(briefly), [
      'showrs.json: Rs: its Virtual Service (index 1) is not among the captures',
    ]);
  });

  it('of two units are not mixed', () => {
    assert.throws(() => take(read(REAL, 'listvs.xml'), read(REAL, 'listvs.json')), { code: 'bad-capture' });
  });
});

describe('captures of a LoadMaster', () => {
  it('may hold one Virtual Service or many', () => {
    assert.equal(take(listvs(vs(1))).records.length, 1);
    assert.equal(take(listvs(vs(1), vs(2), vs(3))).records.length, 3);
    assert.equal(take(listvs()).records.length, 0);
  });

  it('name a Real Server by its DNS name where it has one', () => {
    const server =
      '<Rs><RsIndex>4</RsIndex><Addr>10.30.0.9</Addr><Port>8080</Port><DnsName>app.site.example</DnsName></Rs>';
    const taken = take(listvs(vs(1, server)));
    const at = 'virtualServices/tcp:10.20.0.1:80/realServers/app.site.example:8080';
    assert.deepEqual(recordAt(taken, at), { address: 'app.site.example', port: 8080 });
    assert.ok(taken.leftOut.some(({ parameter, value }) => parameter === 'Addr' && value === '10.30.0.9'));
    const [service] = exportLoadMaster(taken.records, kinds).services;
    assert.deepEqual(service?.realServers[0]?.parameters, { DnsName: 'app.site.example', Port: '8080' });
  });

  it('put a Sub-Virtual Service under its Virtual Service, with its weight and its Real Servers', () => {
    const short =
      '<SubVS><VSIndex>7</VSIndex><RsIndex>2</RsIndex><Name>Shop API</Name><Weight>500</Weight><Enable>N</Enable></SubVS>';
    const server = '<Rs><Addr>10.30.0.1</Addr><Port>80</Port></Rs>';
    const sub = `<Index>7</Index><VSPort>0</VSPort><NickName>Shop API</NickName><MasterVSID>1</MasterVSID><Enable>Y</Enable>${server}`;
    const taken = take(listvs(vs(1, short), sub));
    const at = 'virtualServices/tcp:10.20.0.1:80/subVirtualServices/Shop-API';
    assert.deepEqual(recordAt(taken, at), { nickname: 'Shop API', enable: true, weight: 500 });
    assert.deepEqual(recordAt(taken, `${at}/realServers/10.30.0.1:80`), { address: '10.30.0.1', port: 80 });
    assert.ok(
      taken.leftOut
        .map(briefly)
        .includes('listvs.xml, Sub-Virtual Service 7: Enable: the Sub-Virtual Service itself says otherwise'),
    );
    assertValid(taken.records);
  });

  it('may nest a whole Sub-Virtual Service', () => {
    const nested =
      '<SubVS><VSIndex>7</VSIndex><Name>api</Name><Rs><Addr>10.30.0.1</Addr><Port>80</Port></Rs></SubVS>';
    const { records } = take(listvs(vs(1, nested)));
    assert.deepEqual(records.map(record => record.path).slice(1), [
      'virtualServices/tcp:10.20.0.1:80/subVirtualServices/api',
      'virtualServices/tcp:10.20.0.1:80/subVirtualServices/api/realServers/10.30.0.1:80',
    ]);
  });

  it('say by a number which Virtual Service is followed; the record says it by name', () => {
    const taken = take(
      listvs(vs(1), vs(2, '<FollowVSID>1</FollowVSID>'), vs(3, '<FollowVSID>9</FollowVSID>')),
    );
    assert.equal(
      recordAt(taken, 'virtualServices/tcp:10.20.0.2:80').followVirtualService,
      'tcp:10.20.0.1:80',
    );
    assert.deepEqual(exportLoadMaster(taken.records, kinds).services[1]?.parameters.FollowVSID, '1');
    assert.ok(
      taken.leftOut
        .map(briefly)
        .includes('listvs.xml, Virtual Service 3: FollowVSID: not a value that Lockstep knows'),
    );
  });

  it('put IPv6 addresses into brackets, in their one spelling', () => {
    const service =
      '<Index>1</Index><VSAddress>2001:DB8:0::1</VSAddress><VSPort>*</VSPort><Protocol>udp</Protocol>';
    const taken = take(listvs(service));
    assert.deepEqual(recordAt(taken, 'virtualServices/udp:[2001:db8::1]:*'), {
      address: '2001:db8::1',
      port: '*',
      protocol: 'udp',
    });
    assertValid(taken.records);
  });

  it('list a parameter that Lockstep does not know, and a value that it cannot read', () => {
    const { leftOut } = take(listvs(vs(1, '<Brandnew>1</Brandnew><SSLRewrite>9</SSLRewrite>')));
    assert.deepEqual(leftOut.slice(0, 3).map(briefly), [
      'listvs.xml, Virtual Service 1: SSLRewrite: not a value that Lockstep knows',
      'listvs.xml, Virtual Service 1: Index: a number that the appliance gives; records are named by what they are',
      'listvs.xml, Virtual Service 1: Brandnew: not known to this release of Lockstep',
    ]);
  });

  it('keep text as it is: entities are read, numbers are not bent', () => {
    const taken = take(
      listvs(vs(1, '<NickName>A &amp; B &#60;1&gt;</NickName><CheckPattern>007</CheckPattern>')),
    );
    const { nickname, checkPattern } = recordAt(taken, 'virtualServices/tcp:10.20.0.1:80');
    assert.deepEqual([nickname, checkPattern], ['A & B <1>', '007']);
  });

  const refused: [string, string, RegExp][] = [
    ['a file that is something else', 'dfltgw=10.0.0.1', /neither XML nor JSON/],
    ['XML that ends too early', '<Response><Success>', /not XML/],
    ['XML of something else', '<html><body>Log in</body></html>', /no <Response>/],
    [
      'a refusal of the appliance',
      '<Response stat="422" code="fail"><Error>Unknown command</Error></Response>',
      /Unknown command/,
    ],
    ['a refusal in JSON', '{"code": 401, "message": "Unauthorised", "status": "fail"}', /Unauthorised/],
    ['a reply of another request', '{"code": 200, "Users": []}', /neither the parameters/],
    [
      'a document type with an entity in it',
      '<!DOCTYPE x [<!ENTITY a "b">]><Response stat="200"/>',
      /document type/,
    ],
  ];
  for (const [what, text, message] of refused) {
    it(`are refused by name, with what to give instead: ${what}`, () => {
      const expected = (error: unknown): boolean =>
        error instanceof LockstepError &&
        error.code === 'bad-capture' &&
        message.test(error.message) &&
        error.message.startsWith('x.xml: ') &&
        error.hint !== undefined;
      assert.throws(() => take({ name: 'x.xml', text }), expected);
    });
  }
});

describe('the example site', () => {
  const captures = take(read(SITE, 'getall.xml'), read(SITE, 'listvs.xml'));
  const site = fromDocument(catalog, parseDocument(read(SITE, 'site.json').text, 'site.json'));
  const all = [...captures.records, ...site];

  it('has 40 Virtual Services and 120 Real Servers', () => {
    const below = (pattern: RegExp): number => all.filter(record => pattern.test(record.path)).length;
    assert.equal(below(/^virtualServices\/[^/]+$/), 40);
    assert.equal(below(/\/realServers\/[^/]+$/), 120);
    assert.equal(below(/\/subVirtualServices\/[^/]+$/), 5);
  });

  it('is valid, and everything that it refers to is there', () => {
    assertValid(all);
    const paths = new Set(all.map(record => record.path));
    assert.deepEqual(
      captures.needs.filter(needed => !paths.has(needed)),
      [],
    );
    assert.equal(paths.size, all.length);
  });

  it('holds nothing that belongs to one unit', () => {
    assert.deepEqual(
      all.filter(({ path: at, value }) => unitScopedFields(catalog.kindOf(at), value).length > 0),
      [],
    );
  });

  it('gives one record back alone, and asks only for the number of what it follows', () => {
    const exporter = new RecordExporter(kinds);
    const services = all.filter(({ path: at }) => /^virtualServices\/[^/]+$/.test(at));
    const whole = exportLoadMaster(all, kinds).services;
    for (const [index, { path: at, value }] of services.entries()) {
      const asked: string[] = [];
      const numberOf = (other: string): number => {
        asked.push(other);
        return services.findIndex(each => each.path === other) + 1;
      };
      assert.deepEqual(exporter.parameters(at, value, numberOf), whole[index]?.parameters);
      const { followVirtualService: followed } = value;
      assert.deepEqual(asked, followed === undefined ? [] : [`virtualServices/${String(followed)}`]);
    }
  });

  it('comes back out of its records, Virtual Service by Virtual Service', () => {
    const exported = exportLoadMaster(all, kinds);
    assertWhole(
      saidIn(read(SITE, 'getall.xml').text),
      exported.getall,
      captures.leftOut.filter(({ source }) => source === 'getall.xml'),
    );
    assert.deepEqual(
      exported.services.map(({ parameters }) => parameters.NickName),
      captures.records
        .filter(record => /^virtualServices\/[^/]+$/.test(record.path))
        .map(({ value }) => value.nickname),
    );
    assert.equal(
      exported.services.reduce(
        (sum, { realServers, subServices }) =>
          sum + realServers.length + subServices.flatMap(sub => sub.realServers).length,
        0,
      ),
      120,
    );
  });
});
