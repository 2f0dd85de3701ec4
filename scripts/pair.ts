/**
 * The main job, to watch: two units on this machine, paired, with the example site; a change travels from the
 * active unit to the standby, and what belongs to each unit stays.
 *
 *     npm run pair                    runs until Ctrl-C
 *     npm run pair -- --once          checks everything and exits; 1 when something is not as it should be
 *     npm run pair -- --root DIR      the units live in DIR/ha1 and DIR/ha2; started again, they go on
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const LOCKSTEP = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const EXAMPLE = fileURLToPath(new URL('../examples/site/', import.meta.url));
const READY_MS = 10_000;

interface DemoUnit {
  dir: string;
  address: string;
  port: number;
  init: string[];
  /** Its own password of bal and time server: they must differ and stay. */
  password: string;
  timeServer: string;
}

const { values: options } = parseArgs({
  options: { once: { type: 'boolean', default: false }, root: { type: 'string' } },
});
const root =
  options.root === undefined ? mkdtempSync(join(tmpdir(), 'lockstep-pair-')) : resolve(options.root);
const daemons: ChildProcess[] = [];
const interrupted = new Promise<void>(stop => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop());
});

async function main(): Promise<void> {
  if (!existsSync(LOCKSTEP)) throw new Error('Lockstep is not built; type: npm run build');
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const [ha1, ha2] = await twoUnits(root);
  const onBoth = (act: (unit: DemoUnit) => Promise<unknown>) => Promise.all([ha1, ha2].map(act));
  const fresh = !existsSync(join(ha1.dir, 'keys', 'host_ed25519'));

  say('Two units on this machine, one to be active, one to be standby.');
  await onBoth(async unit => {
    if (fresh) await lockstep(unit, 'init', ...unit.init);
    await startDaemon(unit);
    console.log(`  ${unit.dir}  listens on ${unit.address}:${unit.port}`);
  });
  if (fresh) await setUp(ha1, ha2);
  await until('the units see each other', async () =>
    ['in-step', 'behind'].includes((await json(ha1, 'status')).sync.state),
  );
  await showChange(ha1, ha2);
  await showWhatStays(ha1, ha2);

  say('The pair, as the active unit sees it:');
  console.log(await lockstep(ha1, 'status'));
  if (options.once) return say('Everything is as it should be.');
  say('Talk to the units in another terminal:');
  for (const unit of [ha1, ha2]) console.log(`  npx lockstep --dir ${unit.dir} status`);
  console.log(`  npx lockstep --dir ${ha1.dir} set hosts/db.example.com/address 10.20.0.77`);
  console.log(`  npx lockstep --dir ${ha1.dir} force-update`);
  console.log(`  or edit a file below ${ha1.dir}/config/ and watch it travel`);
  say('Ctrl-C ends both units.');
  await interrupted;
}

/** Pair them, give the active unit the example site, and each unit what is its own. */
async function setUp(ha1: DemoUnit, ha2: DemoUnit): Promise<void> {
  const onBoth = (act: (unit: DemoUnit) => Promise<unknown>) => Promise.all([ha1, ha2].map(act));
  say('Pairing: one unit invites, the other joins with the one-time code.');
  const { code } = await json(ha1, 'pair', '--invite');
  await lockstep(ha2, 'pair', `${ha1.address}:${ha1.port}`, '--code', String(code));
  await onBoth(async unit => {
    await lockstep(unit, 'set', 'licence/esp', 'true');
    await lockstep(unit, 'set', 'time/ntpHosts', JSON.stringify([unit.timeServer]));
  });
  say('The example site, captured from a LoadMaster, goes onto the active unit.');
  await lockstep(ha1, 'apply', '-f', join(EXAMPLE, 'site.json'), '--reason', 'the example site');
  await lockstep(ha1, 'import', 'loadmaster', join(EXAMPLE, 'getall.xml'), join(EXAMPLE, 'listvs.xml'));
  const receipt = await json(ha1, 'force-update');
  console.log(
    `  the standby holds ${receipt.records} records, digest ${short(receipt.digest)}, after ${receipt.ms} ms`,
  );
  await onBoth(unit =>
    lockstep(unit, { input: unit.password }, 'set', 'users/bal/passwordHash', '--value-file', '-'),
  );
}

async function showChange(ha1: DemoUnit, ha2: DemoUnit): Promise<void> {
  say('A change on the active unit, and Force Update:');
  const address = `10.20.0.${(Date.now() % 200) + 20}`;
  console.log(`  ha1> lockstep set hosts/demo.example.com/address ${address}`);
  await lockstep(ha1, 'set', 'hosts/demo.example.com/address', address);
  const receipt = await json(ha1, 'force-update');
  console.log(
    `  ha1> lockstep force-update      receipt after ${receipt.ms} ms: ${receipt.result}, ${receipt.records} record, ${receipt.bytes} bytes`,
  );
  const shown = await json(ha2, 'show', 'hosts/demo.example.com/address');
  console.log(`  ha2> lockstep show hosts/demo.example.com/address      ${shown.value}`);
  check(shown.value === address, 'the change is on the standby');
  const [one, two] = [(await json(ha1, 'status')).unit, (await json(ha2, 'status')).unit];
  console.log(`  digests: ha1 ${short(one.digest)}, ha2 ${short(two.digest)}`);
  check(one.digest === two.digest, 'both digests are equal');
}

async function showWhatStays(ha1: DemoUnit, ha2: DemoUnit): Promise<void> {
  say('What belongs to each unit stays there:');
  for (const path of ['time/ntpHosts', 'host/hostname', 'interfaces/eth0/address']) {
    const [one, two] = [await json(ha1, 'show', path), await json(ha2, 'show', path)];
    console.log(
      `  ${path.padEnd(26)} ha1 ${JSON.stringify(one.value).padEnd(24)} ha2 ${JSON.stringify(two.value)}`,
    );
    check(JSON.stringify(one.value) !== JSON.stringify(two.value), `${path} differs`);
  }
  const set = [ha1, ha2].map(unit =>
    readFileSync(join(unit.dir, 'config', 'users', 'bal.json'), 'utf8').includes('passwordHash'),
  );
  console.log(`  ${'users/bal/passwordHash'.padEnd(26)} ha1 its own, ha2 its own; neither ever crossed`);
  check(set.every(Boolean), 'each unit has a password of its own for bal');
}

/** 127.0.0.11 and 127.0.0.12, both on 6973; where only 127.0.0.1 exists, two ports. */
async function twoUnits(root: string): Promise<[DemoUnit, DemoUnit]> {
  const two = (await canListen('127.0.0.11', 6973)) && (await canListen('127.0.0.12', 6973));
  const place = (number: 1 | 2) =>
    two ? { address: `127.0.0.1${number}`, port: 6973 } : { address: '127.0.0.1', port: 6972 + number };
  const network = ['--shared', '10.20.0.139', '--virtual-id', '139'];
  return [
    {
      dir: join(root, 'ha1'),
      ...place(1),
      init: [
        '--mode',
        'first',
        '--name',
        'lb-a',
        '--address',
        '10.20.0.140/24',
        '--partner',
        '10.20.0.141',
        ...network,
      ],
      password: 'first example password',
      timeServer: 'ntp-a.example.com',
    },
    {
      dir: join(root, 'ha2'),
      ...place(2),
      init: [
        '--mode',
        'second',
        '--name',
        'lb-b',
        '--address',
        '10.20.0.141/24',
        '--partner',
        '10.20.0.140',
        ...network,
      ],
      password: 'second example password',
      timeServer: 'ntp-b.example.com',
    },
  ];
}

function canListen(address: string, port: number): Promise<boolean> {
  return new Promise(done => {
    const server = createServer().once('error', () => done(false));
    server.listen(port, address, () => server.close(() => done(true)));
  });
}

async function startDaemon(unit: DemoUnit): Promise<void> {
  const log = openSync(join(unit.dir, 'daemon.out'), 'a', 0o600);
  const daemon = spawn(
    process.execPath,
    [LOCKSTEP, '--dir', unit.dir, 'serve', '--listen', unit.address, '--port', String(unit.port)],
    { stdio: ['ignore', log, log] },
  );
  daemons.push(daemon);
  await until(`${unit.dir} serves`, async () => {
    if (daemon.exitCode !== null) throw new Error(readFileSync(join(unit.dir, 'daemon.out'), 'utf8'));
    return answers(join(unit.dir, 'control.sock'));
  });
}

function answers(socket: string): Promise<boolean> {
  return new Promise(done => {
    const connection = connect(socket).once('error', () => done(false));
    connection.once('connect', () => connection.destroy() && done(true));
  });
}

/** Runs a command of the CLI; its output. `status` answers 1 for "not in step", which is an answer. */
function lockstep(unit: DemoUnit, ...words: (string | { input: string })[]): Promise<string> {
  const args = words.filter(word => typeof word === 'string');
  const input = words.find(word => typeof word === 'object')?.input ?? '';
  return new Promise((done, fail) => {
    const child = execFile(
      process.execPath,
      [LOCKSTEP, '--dir', unit.dir, ...args],
      (error, stdout, stderr) => {
        if (error === null || (args[0] === 'status' && error.code === 1)) done(stdout);
        else fail(new Error(`lockstep ${args.join(' ')}\n${stderr || stdout}`));
      },
    );
    child.stdin?.end(input);
  });
}

// biome-ignore lint/suspicious/noExplicitAny: answers of the CLI, read field by field
async function json(unit: DemoUnit, ...args: string[]): Promise<any> {
  return JSON.parse(await lockstep(unit, ...args, '--json'));
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + READY_MS; Date.now() < end; await pause(50)) if (await holds()) return;
  throw new Error(`After ${READY_MS / 1000} s it is still not so that ${what}.`);
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`Not as it should be: ${what}.`);
}

function say(text: string): void {
  console.log(`\n${text}`);
}

function short(digest: string): string {
  return String(digest).slice(0, 12);
}

async function stopDaemons(): Promise<void> {
  const running = daemons.filter(daemon => daemon.exitCode === null);
  await Promise.all(
    running.map(daemon => new Promise(done => daemon.once('exit', done) && daemon.kill('SIGTERM'))),
  );
}

try {
  await Promise.race([main(), interrupted]);
} catch (error) {
  console.error(`\n${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  await stopDaemons();
  if (options.root === undefined) rmSync(root, { recursive: true, force: true });
}
process.exit();
