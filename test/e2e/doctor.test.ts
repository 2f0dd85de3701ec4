import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import forge from 'node-forge';
import type { DoctorAnswer, Step } from '../../api/contract/doctor.ts';
import type { JsonObject } from '../../schema/json.ts';
import { DEFAULT_PORT } from '../../unit/identity.ts';
import { stepByStep } from '../steps.ts';
import { lockstep, pairUp, TestUnit, temporaryFolder, until, untilInStep } from './daemon.ts';
import { ADDRESSES, type Machine, twoMachines } from './two-networks.ts';

const DISK_MIB = 80;
const CLOCK = path.resolve('test', 'faults', 'clock.mjs');
const { shop } = JSON.parse(readFileSync(path.resolve('examples', 'site', 'site.json'), 'utf8'))
  .certificates as { shop: JsonObject };

/** What depends on the programs of the machine that the tests run on. */
const OF_THIS_MACHINE = new Set(['time-synchronised', 'gateway-answers']);
/** What a pair without a past lacks, and what no unit can see. */
const ALWAYS = {
  'backup-run': 'warning',
  'backup-drill': 'warning',
  'default-gateway': 'not-checked',
  'virtual-id-unique': 'not-checked',
  'addresses-free': 'not-checked',
  'switch-settings': 'not-checked',
};
const SECRETS = {
  bal: 'Gartenzaun-7!',
  bundle: 'quittengelee im keller 4',
  ntp: 'ntp-geheim-1234',
  key: String((shop as { key?: unknown }).key).split('\n')[2] as string,
};

describe('lockstep doctor on a real pair', function () {
  this.timeout(60_000);
  stepByStep();
  const { folder, remove } = temporaryFolder();
  const disk = path.join(folder, 'disk');
  const shift = path.join(folder, 'shift');
  let machines: [Machine, Machine];
  let end: () => void = () => undefined;
  let ha1: TestUnit;
  let ha2: TestUnit;
  let wire: ChildProcess | undefined;

  async function unit(number: 1 | 2): Promise<TestUnit> {
    const machine = machines[number - 1] as Machine;
    const partner = ADDRESSES[2 - number] as string;
    const own = ADDRESSES[number - 1] as string;
    const dir = path.join(disk, 'unit');
    const clock = ['env', `NODE_OPTIONS=--import=${CLOCK}`, `CLOCK_SHIFT_FILE=${shift}`];
    const inside = number === 2 ? [...clock, ...machine.inside] : machine.inside;
    const made = new TestUnit(dir, own, { inside, outside: machine.outside(dir) });
    const mode = number === 1 ? 'first' : 'second';
    const addresses = ['--address', `${own}/24`, '--shared', '10.99.0.110', '--partner', partner];
    const init = ['--dir', dir, 'init', '--mode', mode, '--name', `lb${number}`, ...addresses];
    const { code, stderr } = await lockstep(init, { inside });
    assert.equal(code, 0, stderr);
    return made.start('--interval', '1', '--every-commit');
  }

  const set = (where: TestUnit, at: string, field: string, value: unknown): Promise<unknown> =>
    where.api.call('change', { changes: [{ op: 'set', path: at, field: [field], value: value as string }] });
  const unset = (where: TestUnit, at: string, field: string): Promise<unknown> =>
    where.api.call('change', { changes: [{ op: 'unset', path: at, field: [field] }] });

  async function faults(asked: TestUnit, step?: Step): Promise<Record<string, string>> {
    const { findings } = await asked.api.call('doctor', step === undefined ? {} : { before: step });
    return Object.fromEntries(
      findings
        .filter(({ code, outcome }) => outcome !== 'ok' && !OF_THIS_MACHINE.has(code))
        .map(({ code, outcome }) => [code, outcome]),
    );
  }

  /** Exactly these are wrong, whichever unit is asked; each examines both. */
  async function assertFaults(expected: Record<string, string>, units = [ha1, ha2]): Promise<void> {
    for (const asked of units) assert.deepEqual(await faults(asked), { ...ALWAYS, ...expected }, asked.dir);
  }

  before(async function () {
    const made = await twoMachines(disk, DISK_MIB);
    if (made === undefined) {
      process.stdout.write(
        '      skipped: networks of its own take root and the programs unshare (util-linux) and ip (iproute2)\n',
      );
      return this.skip();
    }
    ({ machines, end } = made);
    writeFileSync(shift, '0');
    await link('up');
    [ha1, ha2] = await Promise.all([unit(1), unit(2)]);
    await pairUp(ha1, ha2);
    await ha1.api.call('change', {
      changes: [
        { op: 'put', path: 'interfaces/eth1', value: { haChecks: true, purpose: 'direct-cable' } },
        { op: 'put', path: 'backupSchedule', value: { enabled: true, method: 'local', hour: 3 } },
        { op: 'put', path: 'certificates/shop', value: shop },
        { op: 'put', path: 'virtualServices/tcp:10.1.0.1:443', value: { certificates: ['shop'] } },
      ],
    });
    await untilInStep(ha1, ha2);
    for (const each of [ha1, ha2]) {
      await set(each, 'users/bal', 'passwordHash', SECRETS.bal);
      await set(each, 'backupSchedule', 'passphrase', SECRETS.bundle);
      await each.api.call('change', {
        changes: [
          { op: 'put', path: 'time', value: { ntpHosts: ['ntp.site.example'], ntpKeySecret: SECRETS.ntp } },
        ],
      });
    }
    await until('the standby has looked', async () => (await ha2.status()).takeover?.ready === true);
  });

  after(async () => {
    await Promise.all([ha1?.kill(), ha2?.kill()]);
    wire?.kill();
    end();
    remove();
  });

  it('finds nothing wrong with a healthy pair, on either unit, within three seconds', async () => {
    await assertFaults({});
    const { code, answer } = await ha1.json<DoctorAnswer>('doctor');
    assert.deepEqual([code, answer.counts.failure, answer.unit, answer.partner], [0, 0, 'lb1', 'lb2']);
    assert.ok(answer.seconds < 3, `it took ${answer.seconds} s`);
    const screen = await ha2.cli('doctor', '--before', 'takeover');
    assert.equal(screen.code, 0, screen.stdout);
    assert.match(screen.stdout, /^ {2}ok {11}The standby could serve all that it holds\. \(it is ready\)$/m);
    assert.match(screen.stdout, /^lb2 and lb1 before takeover: /m);
  });

  /** The kernel takes a moment to see it, on the other end too. */
  async function link(state: 'up' | 'down'): Promise<void> {
    machines[0].run('ip', 'link', 'set', 'eth1', state);
    const seen = (machine: Machine): boolean =>
      readFileSync(machine.outside('/sys/class/net/eth1/operstate'), 'utf8').trim() === 'up';
    await until(`eth1 is ${state}`, async () =>
      machines.every(machine => seen(machine) === (state === 'up')),
    );
  }
  const filler = (): string => machines[1].outside(path.join(disk, 'filler'));
  const key = (): string => machines[1].outside(path.join(ha2.dir, 'keys', 'client_ed25519'));
  const broken = (): string => machines[0].outside(path.join(ha1.dir, 'config', 'hosts', 'broken.json'));

  /** Each breaks one thing on the pair that all share, and mends it. */
  const BREAKS: {
    what: string;
    expected: Record<string, string>;
    breaks(): unknown;
    mends(): unknown;
    known?(): Promise<boolean>;
  }[] = [
    {
      what: 'a cable is pulled',
      expected: { 'link-up': 'failure' },
      breaks: () => link('down'),
      mends: () => link('up'),
    },
    {
      what: 'a clock is five seconds ahead',
      expected: { 'clock-skew': 'warning' },
      breaks: () => writeFileSync(shift, '5000'),
      mends: () => writeFileSync(shift, '0'),
    },
    {
      what: 'a disk is full',
      expected: { 'disk-space': 'failure' },
      breaks: () => {
        const { bavail, bsize } = statfsSync(path.dirname(filler()));
        writeFileSync(filler(), Buffer.alloc(bavail * bsize - 3 * 1024 * 1024));
      },
      mends: () => rmSync(filler()),
    },
    {
      what: 'others can read a key',
      expected: { 'file-modes': 'failure' },
      breaks: () => chmodSync(key(), 0o644),
      mends: () => chmodSync(key(), 0o600),
    },
    {
      what: 'a file under config/ is no JSON',
      expected: { files: 'failure' },
      breaks: () => {
        mkdirSync(path.dirname(broken()), { recursive: true });
        writeFileSync(broken(), '{');
      },
      known: async () => (await ha1.status()).files.length === 1,
      mends: async () => {
        rmSync(broken());
        await until('it is forgotten', async () => (await ha1.status()).files.length === 0);
      },
    },
    {
      what: 'the Virtual ID is low',
      expected: { 'virtual-id-low': 'warning' },
      breaks: () => set(ha1, 'ha', 'virtualId', 5),
      mends: () => set(ha1, 'ha', 'virtualId', 110),
    },
    {
      what: 'a unit is preferred',
      expected: { 'preferred-host': 'warning' },
      breaks: () => set(ha1, 'ha', 'preferredHost', 'first'),
      mends: () => set(ha1, 'ha', 'preferredHost', 'none'),
    },
    {
      what: 'one interface has HA checks',
      expected: { interconnections: 'warning' },
      breaks: () => set(ha1, 'interfaces/eth1', 'haChecks', false),
      mends: () => set(ha1, 'interfaces/eth1', 'haChecks', true),
    },
    {
      what: 'a unit looks for its partner elsewhere',
      expected: { 'partner-address': 'failure' },
      breaks: () => set(ha2, 'interfaces/eth0', 'partnerAddress', '10.99.0.9'),
      mends: () => set(ha2, 'interfaces/eth0', 'partnerAddress', ADDRESSES[0]),
    },
    {
      what: 'one unit has a gateway of its own',
      expected: { 'default-gateway': 'failure' },
      breaks: () => set(ha1, 'network', 'defaultGateway', '10.99.0.254'),
      mends: () => unset(ha1, 'network', 'defaultGateway'),
    },
    {
      what: 'the passwords of bal differ',
      expected: { 'bal-password': 'warning' },
      breaks: () => set(ha2, 'users/bal', 'passwordHash', 'another one'),
      mends: () => set(ha2, 'users/bal', 'passwordHash', SECRETS.bal),
    },
    {
      what: 'a unit lacks the passphrase of its bundles',
      expected: { 'backup-passphrase': 'failure' },
      breaks: () => unset(ha2, 'backupSchedule', 'passphrase'),
      mends: () => set(ha2, 'backupSchedule', 'passphrase', SECRETS.bundle),
    },
    {
      what: 'the time zones differ',
      expected: { 'time-zone': 'warning' },
      breaks: () => set(ha1, 'time', 'timeZone', 'Europe/Berlin'),
      mends: () => unset(ha1, 'time', 'timeZone'),
    },
    {
      what: 'a unit runs another release',
      expected: { 'same-release': 'warning' },
      breaks: () => set(ha2, 'licence', 'release', '9.9.9'),
      known: async () => (await ha1.status()).partner?.release === '9.9.9',
      mends: async () => set(ha2, 'licence', 'release', (await ha1.status()).unit.release),
    },
    {
      what: 'updates are paused',
      expected: { paused: 'warning' },
      breaks: () => ha1.api.call('pause', { reason: 'a test' }),
      mends: () => ha1.api.call('resume'),
    },
    {
      what: 'the web certificate of a unit has expired',
      expected: { certificates: 'failure' },
      breaks: () =>
        ha2.api.call('change', { changes: [{ op: 'put', path: 'webCertificate', value: expired() }] }),
      mends: async () => {
        await ha2.api.call('change', { changes: [{ op: 'remove', path: 'webCertificate' }] });
        // The unit makes itself another one.
        await until('it serves', async () => (await faults(ha2)).certificates === undefined);
      },
    },
    {
      what: 'a certificate has expired',
      expected: { certificates: 'failure' },
      breaks: () =>
        ha1.api.call('change', { changes: [{ op: 'put', path: 'certificates/shop', value: expired() }] }),
      known: async () => (await ha2.status()).takeover?.ready === false,
      mends: () =>
        ha1.api.call('change', { changes: [{ op: 'put', path: 'certificates/shop', value: shop }] }),
    },
  ];

  for (const [index, { what, expected, breaks, mends, known = async () => true }] of BREAKS.entries())
    it(`sees that ${what}, and nothing else`, async () => {
      await breaks();
      if (what !== 'updates are paused') await untilInStep(ha1, ha2);
      await until('it is known', known);
      await assertFaults(expected, [index % 2 === 0 ? ha1 : ha2]);
      await mends();
      await untilInStep(ha1, ha2);
      await until('the standby is ready', async () => (await ha2.status()).takeover?.ready === true);
    });

  it('finds nothing wrong again, once all is mended', () => assertFaults({}));

  it('sees before a takeover what would be lost by it', async () => {
    await ha1.api.call('pause', { reason: 'a test' });
    await ha1.api.call('change', {
      changes: [{ op: 'put', path: 'hosts/unsent', value: { address: '10.1.1.1' } }],
    });
    const { code, answer } = await ha2.json<DoctorAnswer>('doctor', '--before', 'takeover');
    assert.equal(code, 1);
    const failed = answer.findings.filter(({ outcome }) => outcome === 'failure').map(each => each.code);
    assert.ok(failed.includes('nothing-unsent') && failed.includes('paused'), String(failed));
    await ha1.api.call('resume');
    await untilInStep(ha1, ha2);
  });

  it('collects for a colleague what is asked for, in one file, and no secret', async function () {
    if (!hasGpg()) {
      process.stdout.write('      skipped: there is no gpg (Debian package gnupg)\n');
      return this.skip();
    }
    const file = path.join(disk, 'lb1.support');
    const passphrase = 'vier gute worte genug';
    const args = ['--dir', ha1.dir, 'support-bundle', '-o', file, '--passphrase-fd', '0'];
    const { code, stderr, stdout } = await lockstep(args, { input: passphrase, inside: machines[0].inside });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /It opens with: gpg -d .* \| tar xz/);
    const out = path.join(folder, 'support');
    mkdirSync(out);
    const home = path.join(folder, 'gnupg');
    mkdirSync(home, { mode: 0o700 });
    const gpg = [
      '--homedir',
      home,
      '--batch',
      '--pinentry-mode',
      'loopback',
      '--passphrase-fd',
      '0',
      '-d',
      machines[0].outside(file),
    ];
    const archive = execFileSync('gpg', gpg, {
      input: passphrase,
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: 20_000,
    });
    execFileSync('tar', ['xz', '-C', out], { input: archive });
    assert.deepEqual(readdirSync(out).sort(), [
      'audit.json',
      'certificates.json',
      'doctor.json',
      'drift.json',
      'log.jsonl',
      'revisions.json',
      'status.json',
      'versions.json',
    ]);
    const all = readdirSync(out)
      .map(name => readFileSync(path.join(out, name), 'utf8'))
      .join('\n');
    assert.match(all, /"kind": "change"/);
    assert.match(all, /"msg":"serving"/);
    const kept = JSON.stringify([
      await ha1.stored(store => store.read('users/bal')),
      await ha1.stored(store => store.read('certificates/shop')),
      await ha1.stored(store => store.readLocal('bal-verifiers')),
    ]);
    assert.ok(kept.includes(SECRETS.key), 'the secrets that are looked for are those that are kept');
    const hashes = [...kept.matchAll(/\$scrypt\$[^"]+|"verifier":"([^"]+)"/g)].map(
      ([whole, verifier]) => verifier ?? whole,
    );
    assert.ok(hashes.length >= 2);
    for (const secret of [...Object.values(SECRETS), ...hashes, passphrase])
      assert.ok(!all.includes(secret), `it holds ${secret.slice(0, 12)}`);
    const again = await lockstep(args, { input: passphrase, inside: machines[0].inside });
    assert.equal(again.code, 3, 'it replaces no file');
  });

  it('sees that the partner is far, and nothing else', async () => {
    const file = machines[0].outside(path.join(ha1.dir, 'keys', 'partner.json'));
    const port = 7973;
    await ha1.stop();
    wire = await slowWire(machines[1], ADDRESSES[1], port, 60);
    // The short way is closed to what this unit dials, and open to what its partner dials.
    machines[0].run('ip', 'rule', 'add', 'ipproto', 'tcp', 'dport', String(DEFAULT_PORT), 'prohibit');
    const partner = JSON.parse(readFileSync(file, 'utf8')) as object;
    const way = { host: ADDRESSES[1], port };
    writeFileSync(file, JSON.stringify({ ...partner, ...way, reached: way, cameFrom: undefined }));
    await ha1.start('--interval', '1', '--every-commit');
    await until('both see each other', async () =>
      (await Promise.all([ha1.status(), ha2.status()])).every(status => status.partner?.seen === true),
    );
    // Until its own way is found it asks on the connection of the partner, which is near.
    await until('it goes its own way', async () => (await faults(ha1)).latency !== undefined);
    assert.deepEqual(await faults(ha1), { ...ALWAYS, latency: 'failure' });
    assert.deepEqual(await faults(ha2), ALWAYS, 'its own connection does not go that way');
  });

  it('passes nothing that it cannot ask for, when the partner is off', async () => {
    await ha2.kill();
    await until('it is missed', async () => (await ha1.status()).partner?.seen === false);
    const { code, answer } = await ha1.json<DoctorAnswer>('doctor');
    assert.deepEqual([code, answer.partner], [1, null]);
    const failed = answer.findings.filter(({ outcome }) => outcome === 'failure').map(each => each.code);
    assert.deepEqual(failed, ['reaches-partner']);
    const fine = answer.findings.filter(({ outcome }) => outcome === 'ok').map(each => each.code);
    assert.deepEqual(fine, ['preferred-host']);
    assert.ok(answer.seconds < 3, `it took ${answer.seconds} s`);
    const { stdout } = await ha1.cli('doctor');
    assert.match(stdout, /^lb1 alone \(.+\): 1 failure/m);
  });
});

/** A certificate that has expired long ago, with its key. */
function expired(): JsonObject {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const key = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  const own = forge.pki.privateKeyFromPem(key);
  const made = forge.pki.createCertificate();
  made.publicKey = forge.pki.setRsaPublicKey(own.n, own.e);
  made.serialNumber = '01';
  made.validity.notBefore = new Date('2020-01-01');
  made.validity.notAfter = new Date('2021-01-01');
  const name = [{ name: 'commonName', value: 'shop.example' }];
  made.setSubject(name);
  made.setIssuer(name);
  made.sign(own, forge.md.sha256.create());
  return { certificate: forge.pki.certificateToPem(made), key };
}

/** What is sent to this port of the machine comes to its unit, and back, so many milliseconds later. */
function slowWire(machine: Machine, address: string, port: number, ms: number): Promise<ChildProcess> {
  const script = path.resolve('test', 'faults', 'slow-wire.mjs');
  const args = [process.execPath, script, address, port, DEFAULT_PORT, ms].map(String);
  const [program, ...rest] = [...machine.inside, ...args] as [string, ...string[]];
  const wire = spawn(program, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    wire.once('exit', () => reject(new Error('the wire ended')));
    wire.stdout.once('data', () => resolve(wire));
  });
}

function hasGpg(): boolean {
  try {
    execFileSync('gpg', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
