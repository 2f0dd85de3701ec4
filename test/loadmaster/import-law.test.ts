import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { decodeCapture } from '../../loadmaster/encoding.ts';
import type { LeftOut } from '../../loadmaster/import.ts';
import { RULES } from '../../schema/rules/index.ts';
import { openMemory } from '../../store/memory.ts';
import { Store } from '../../store/store.ts';
import { captureChanges } from '../../unit/changes/import.ts';
import { catalog } from '../schema/records-of.ts';

type Parameters = Record<string, string>;
interface Server {
  parameters: Parameters;
}
interface Service {
  parameters: Parameters;
  servers: Server[];
  short: Service[];
}

const REAL = path.resolve('..', 'shared', 'data', 'loadmaster');

async function imported(
  ...files: { name: string; text: string }[]
): Promise<{ store: Store; leftOut: LeftOut[] }> {
  const store = await Store.open({ port: openMemory(), catalog, rules: RULES, now: () => new Date(0) });
  await store.setRole('active', 1);
  const { leftOut, changes } = captureChanges(catalog, files);
  await store.commit({ changes, kind: 'import', author: 'ada', reason: 'import' });
  return { store, leftOut };
}

const reply = (data: string): string =>
  `<Response stat="200" code="ok"><Success><Data>${data}</Data></Success></Response>`;
const xml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
const elements = (parameters: Parameters): string =>
  Object.entries(parameters)
    .map(([name, value]) => `<${name}>${xml(value)}</${name}>`)
    .join('');
const serviceXml = ({ parameters, servers, short }: Service, name = 'VS'): string =>
  `<${name}>${elements(parameters)}${servers.map(each => `<Rs>${elements(each.parameters)}</Rs>`).join('')}${short
    .map(each => serviceXml(each, 'SubVS'))
    .join('')}</${name}>`;

/** Few values of each kind, so that captures contradict themselves, go round in circles and meet on one address. */
const index = fc.constantFrom('', '1', '2', '3', '4');
const address = fc.constantFrom(
  '10.0.0.1',
  '10.0.0.2',
  '127.0.0.1',
  '::ffff:10.0.0.1',
  '2001:DB8::1',
  'nowhere',
  '',
);
const port = fc.constantFrom('80', '443', '*', '0', '70000', 'http', '');
const some = (more: Record<string, fc.Arbitrary<string>>): fc.Arbitrary<Parameters> =>
  fc.record(more, { requiredKeys: [] }) as fc.Arbitrary<Parameters>;

const server: fc.Arbitrary<Server> = fc.record({
  parameters: some({
    RsIndex: index,
    VSIndex: index,
    Addr: address,
    Port: port,
    Weight: fc.constantFrom('0', '1000', '99999', 'x'),
    Follow: index,
    DnsName: fc.constantFrom('', 'app.site.example', 'a b'),
  }),
});
const serviceParameters = some({
  Index: index,
  VSIndex: index,
  MasterVSID: fc.constantFrom('0', '1', '2', '3', '9'),
  VSAddress: address,
  VSPort: port,
  Protocol: fc.constantFrom('tcp', 'udp', 'sctp'),
  NickName: fc.constantFrom(
    '',
    'shop',
    'Caf\u00e9',
    '\u65e5\u672c',
    'constructor',
    '..',
    'a\tb',
    'x'.repeat(200),
  ),
  FollowVSID: index,
  CertFile: fc.constantFrom('', 'shop', 'shop gone'),
  ExtraPorts: fc.constantFrom('', '443', '8000-9000', '9-8'),
  AltAddress: address,
  QoS: fc.constantFrom('16', '17'),
  CheckType: fc.constant('http'),
  CheckPattern: fc.constantFrom('', 'ready'),
  Brandnew: fc.constant('1'),
});
const service: fc.Arbitrary<Service> = fc.letrec<{ service: Service }>(tie => ({
  service: fc.record({
    parameters: serviceParameters,
    servers: fc.array(server, { maxLength: 2 }),
    short: fc.oneof({ maxDepth: 2 }, fc.constant<Service[]>([]), fc.array(tie('service'), { maxLength: 2 })),
  }),
})).service;

/** Every object of a capture, with a mark of its own in a parameter that nothing else has. */
function marked(services: Service[]): string[] {
  const marks: string[] = [];
  const mark = (parameters: Parameters): void => {
    const name = `mark${marks.length}x`;
    marks.push(name);
    parameters.Mark = name;
  };
  const walk = (each: Service): void => {
    mark(each.parameters);
    for (const { parameters } of each.servers) mark(parameters);
    for (const below of each.short) walk(below);
  };
  for (const each of services) walk(each);
  return marks;
}

const clone = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;
const countOf = (services: Service[]): number =>
  services.reduce((sum, each) => sum + 1 + each.servers.length + countOf(each.short), 0);

describe('an import of whatever captures say', () => {
  it('loses no object: each is in the configuration or named, contradictory and circular ones too', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(service, { maxLength: 4 }), async generated => {
        const services = clone(generated);
        marked(services);
        const { store, leftOut } = await imported({
          name: 'listvs.xml',
          text: reply(services.map(each => serviceXml(each)).join('')),
        });
        let records = 0;
        for await (const _path of store.paths('virtualServices')) records++;
        // An object that has a record tells of its unknown parameter; one that has none is named as VS or Rs.
        const told = leftOut.filter(({ parameter }) => ['Mark', 'VS', 'Rs'].includes(parameter)).length;
        assert.equal(told, countOf(services), JSON.stringify(leftOut));
        const refused = leftOut.filter(
          ({ parameter, source }) => source.startsWith('virtualServices/') && parameter.includes(' '),
        ).length;
        assert.ok(records + refused <= countOf(services) && leftOut.every(({ reason }) => reason !== ''));
        await store.close();
      }),
      { numRuns: 120 },
    );
  });

  it('of a SubVS without a name gives it an id that stays, whatever the order of the reply', async () => {
    const sub = (number: number, name = ''): Service => ({
      parameters: { Index: `${number}`, MasterVSID: '1', VSPort: '0', NickName: name },
      servers: [],
      short: [],
    });
    const top: Service = {
      parameters: { Index: '1', VSAddress: '10.0.0.1', VSPort: '80', Protocol: 'tcp' },
      servers: [],
      short: [],
    };
    const pathsOf = async (services: Service[]): Promise<string[]> => {
      const { store } = await imported({
        name: 'listvs.xml',
        text: reply(services.map(each => serviceXml(each)).join('')),
      });
      const found: string[] = [];
      for await (const each of store.paths('virtualServices')) found.push(each.split('/')[3] ?? '');
      await store.close();
      return found.filter(each => each !== '').sort();
    };
    const subs = [sub(5), sub(3, '\u65e5\u672c'), sub(4, 'api'), sub(7, 'api')];
    assert.deepEqual(await pathsOf([top, ...subs]), ['api', 'api-7', 'sub-3', 'sub-5']);
    assert.deepEqual(await pathsOf([...subs.reverse(), top]), ['api', 'api-7', 'sub-3', 'sub-5']);
  });

  it('leaves one bad value out by name, and takes the rest', async () => {
    const bad = {
      QoS: '99',
      NickName: 'shop',
      ErrorCode: '42',
      CertFile: 'gone',
      Cookie: 'a b',
      Persist: 'cookie',
    };
    const { store, leftOut } = await imported({
      name: 'listvs.xml',
      text: reply(
        serviceXml({
          parameters: { Index: '1', VSAddress: '10.0.0.1', VSPort: '80', Protocol: 'tcp', ...bad },
          servers: [],
          short: [],
        }),
      ),
    });
    assert.deepEqual(await store.read('virtualServices/tcp:10.0.0.1:80'), {
      address: '10.0.0.1',
      nickname: 'shop',
      persist: 'cookie',
      port: 80,
      protocol: 'tcp',
    });
    const named = Object.fromEntries(leftOut.map(({ parameter, value }) => [parameter, value]));
    assert.deepEqual(
      ['QoS', 'ErrorCode', 'Cookie', 'certificates'].map(parameter => named[parameter]),
      ['99', '42', 'a b', '["gone"]'],
    );
    await store.close();
  });

  it('takes what the appliance documents', async () => {
    const given = {
      QoS: '16',
      PersistTimeout: '2419200',
      CheckUseGet: '3',
      SSLRewrite: 'https',
      StandbyPort: '0',
      VSPort: '80',
    };
    const options = [
      'none',
      'host',
      'subdomains',
      undefined,
      'host-preload',
      undefined,
      'subdomains-preload',
    ];
    for (const [code, expected] of options.entries()) {
      const { store } = await imported({
        name: 'listvs.xml',
        text: reply(
          serviceXml({
            parameters: {
              Index: '1',
              VSAddress: '10.0.0.1',
              Protocol: 'tcp',
              ...given,
              SecurityHeaderOptions: String(code),
            },
            servers: [],
            short: [],
          }),
        ),
      });
      const record = await store.read('virtualServices/tcp:10.0.0.1:80');
      assert.equal(record?.securityHeaderOptions, expected);
      assert.deepEqual(
        [record?.qos, record?.persistTimeout, record?.checkMethod, record?.sslRewrite],
        [16, 2_419_200, 'options', 'https'],
      );
      await store.close();
    }
  });
});

describe('a capture in its own encoding', () => {
  const text = `<?xml version="1.0" encoding="ISO-8859-1"?>\n${reply('<VS><NickName>Caf\u00e9 \u00dcber</NickName></VS>')}`;
  const utf16 = (bom: number[], swap: boolean): Uint8Array => {
    const bytes = Buffer.from(text, 'utf16le');
    return Buffer.concat([Buffer.from(bom), swap ? bytes.swap16() : bytes]);
  };
  const cases: [string, Uint8Array][] = [
    ['ISO-8859-1, as the appliance declares it', Buffer.from(text, 'latin1')],
    ['UTF-16 with a little-endian mark', utf16([0xff, 0xfe], false)],
    ['UTF-16 with a big-endian mark', utf16([0xfe, 0xff], true)],
    ['UTF-16 without a mark', utf16([], false)],
    ['UTF-8 with a mark', Buffer.from(`\ufeff${text}`)],
    ['UTF-8 that a tool saved under the old declaration', Buffer.from(text)],
  ];
  for (const [what, bytes] of cases)
    it(`is read: ${what}`, () => assert.equal(decodeCapture('listvs.xml', bytes), text));

  it('is refused by name when it is not what it declares', () => {
    for (const declared of ['UTF-8', 'klingon'])
      assert.throws(
        () => decodeCapture('listvs.xml', Buffer.from(text.replace('ISO-8859-1', declared), 'latin1')),
        { code: 'bad-capture' },
      );
  });
});

describe('a reply that is no capture', () => {
  const refused: [string, string, RegExp][] = [
    [
      'a failure at HTTP 200',
      '{"code": 200, "message": "Unknown VS", "status": "fail"}',
      /refused the request: Unknown VS/,
    ],
    [
      'a failure by its code',
      "<Response stat='200' code='fail'><Error>Unknown VS</Error></Response>",
      /Unknown VS/,
    ],
    [
      'a failure behind a comment',
      '<!-- <Response stat="200"> --><Response stat="422"><Error>No</Error></Response>',
      /No/,
    ],
    [
      'the answer to a write',
      '<Response stat="200" code="ok"><Success>Command completed ok</Success></Response>',
      /answer to a command \(Command completed ok\)/,
    ],
    [
      'the answer to a write in JSON',
      '{"code": 200, "message": "Command completed ok", "status": "ok"}',
      /answer to a command/,
    ],
    [
      'statistics',
      reply('<CPU><total/></CPU><VStotals/><Rs><Addr>10.0.0.1</Addr><ActivConns>0</ActivConns></Rs>'),
      /statistics/,
    ],
    [
      'Real Servers with their counts',
      '{"code": 200, "Rs": [{"Addr": "10.0.0.1", "Port": 80, "ActivConns": 0}], "status": "ok"}',
      /statistics/,
    ],
    [
      'two replies in one',
      '<Response stat="200"><Success><Data/></Success><Success><Data/></Success></Response>',
      /not one <Success>/,
    ],
  ];
  for (const [what, text, message] of refused)
    it(`is refused as such: ${what}`, () =>
      assert.throws(() => captureChanges(catalog, [{ name: 'x', text }]), { code: 'bad-capture', message }));

  const here = existsSync(REAL);
  it(`is refused as such: recorded replies to writes and of statistics${here ? '' : ' (skipped: no recorded replies here)'}`, function () {
    if (!here) this.skip();
    for (const name of [
      'delrs.xml',
      'delrs.json',
      'delvs.xml',
      'delvs.json',
      'modrs.xml',
      'modrs.json',
      'stats.xml',
    ])
      assert.throws(
        () =>
          captureChanges(catalog, [{ name, text: readFileSync(path.join(REAL, 'replies', name), 'utf8') }]),
        { code: 'bad-capture' },
        name,
      );
  });

  it('may hold things that are no objects: they are named', () => {
    const { leftOut } = captureChanges(catalog, [
      {
        name: 'listvs.json',
        text: '{"code": 200, "VS": [7, "x", {"VSAddress": "10.0.0.1", "VSPort": "80", "Protocol": "tcp", "Rs": 5}], "More": 1}',
      },
    ]);
    assert.deepEqual(
      leftOut
        .filter(({ reason }) => reason.startsWith('it is no object'))
        .map(({ parameter, value }) => `${parameter} ${value}`),
      ['VS 7', 'VS x', 'More 1', 'Rs 5'],
    );
  });
});
