import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import type { ListedBundle } from '../../backup/list.ts';
import type { BundleFacts } from '../../cli/bundle/open.ts';
import { generateKeyPair } from '../../sync/ssh/keys.ts';
import { read } from '../backup/open.ts';
import { hasSshd, startSshd } from '../sync/ssh/sshd.ts';
import { freshBuild } from './build.ts';
import { lockstep, TestUnit, temporaryFolder } from './daemon.ts';
import { smallDisk } from './small-disk.ts';

const PASSPHRASE = 'correct horse battery';
/** More of them behind `LOCKSTEP_KILLS=40 npx mocha test/e2e/backup.test.ts`. */
const KILLS = Number(process.env.LOCKSTEP_KILLS ?? 3);
const HOSTS = 1000;

describe('backup', function () {
  this.timeout(60_000 + KILLS * 5_000);
  const { folder, remove } = temporaryFolder();
  const at = (name: string): string => path.join(folder, name);
  const unit = new TestUnit(at('u'), '127.0.75.1');
  let created = { file: '', bytes: 0 };

  before(async () => {
    writeFileSync(at('pw'), `${PASSPHRASE}\n`, { mode: 0o600 });
    await unit.init({ mode: 'single', name: 'ha1' });
    await unit.start('--no-mirror');
    await commit(1);
  });
  after(async () => {
    await unit.stop();
    remove();
  });

  async function commit(round: number): Promise<void> {
    const changes = Array.from({ length: HOSTS }, (_, i) => ({
      op: 'put' as const,
      path: `hosts/h${i}`,
      value: { address: `10.${round}.${i >> 8}.${i & 255}` },
    }));
    await unit.api.call('change', { changes });
  }

  it('tells with --dry-run what it would write, and writes nothing', async () => {
    const dry = ['backup', 'create', '--dry-run'];
    const { code, answer } = await unit.json<{ file: string; records: number; revision: number }>(...dry);
    assert.equal(code, 0, JSON.stringify(answer));
    assert.match(path.relative(unit.dir, answer.file), /^backups\/ha1_.*\.lockstep$/);
    assert.equal(answer.revision, (await unit.status()).unit.revision);
    assert.ok(answer.records >= HOSTS, `${answer.records}`);
    const { stdout } = await unit.cli(...dry, '-o', at('dry'), '--passphrase-file', at('pw'));
    assert.match(
      stdout,
      /^Dry run, nothing was written\. Revision \d+, \d+ records\..*\nIt would be \S+dry \(about/,
    );
    const keys = await unit.cli('certs', 'backup', '--dry-run');
    assert.match(keys.stdout, /^Dry run, .*\nIt would be \S+\.certs\.lockstep/);
    assert.ok(!existsSync(path.join(unit.dir, 'backups')) && !existsSync(at('dry')));
  });

  it('makes a file of mode 0600 in backups/, named after unit and time', async () => {
    const { code, answer } = await unit.json<BundleFacts>('backup', 'create', '--passphrase-file', at('pw'));
    assert.equal(code, 0, JSON.stringify(answer));
    created = answer;
    assert.match(
      path.relative(unit.dir, created.file),
      /^backups\/ha1_\d{4}-\d\d-\d\d\.\d\d-\d\d\.lockstep$/,
    );
    assert.equal(statSync(created.file).mode & 0o777, 0o600);
    assert.equal(statSync(created.file).size, created.bytes);
    assert.equal(answer.manifest.unit.name, 'ha1');
    assert.equal(answer.manifest.revision, (await unit.status()).unit.revision);
    assert.deepEqual(readdirSync(path.dirname(created.file)), [path.basename(created.file)]);
  });

  it('holds one revision, however many commits come meanwhile', async () => {
    let more = true;
    const committing = (async () => {
      for (let round = 2; more; round++) await commit(round % 200);
    })();
    try {
      for (const name of ['meanwhile']) {
        assert.equal(
          (await unit.cli('backup', 'create', '-o', at(name), '--passphrase-file', at('pw'))).code,
          0,
        );
        const { records } = await read(readFileSync(at(name)), { passphrase: PASSPHRASE });
        const rounds = new Set(
          records
            .filter(each => each.path.startsWith('hosts/'))
            .map(({ value }) => String(value.address).split('.')[1]),
        );
        assert.equal(rounds.size, 1, 'every host is of one commit');
      }
    } finally {
      more = false;
      await committing;
    }
  });

  it('lists what can be told without the passphrase', async () => {
    const bad = path.join(path.dirname(created.file), 'bad.lockstep');
    writeFileSync(bad, 'no bundle');
    const { answer } = await unit.json<{ bundles: ListedBundle[] }>('backup', 'list');
    rmSync(bad);
    assert.deepEqual(
      answer.bundles.map(({ file, profile }) => [path.basename(file), profile]).sort(),
      [
        ['bad.lockstep', null],
        [path.basename(created.file), 'classic'],
      ].sort(),
    );
    assert.match((await unit.cli('backup', 'list')).stdout, /ha1_.*\.lockstep/);
  });

  it('inspects and verifies without a running unit, from a file or a pipe', async () => {
    const nowhere = ['--dir', at('nowhere')];
    const known = ['--passphrase-file', at('pw')];
    const seen = await lockstep([...nowhere, 'backup', 'inspect', created.file, ...known]);
    assert.equal(seen.code, 0, seen.stderr);
    assert.match(seen.stdout, /by ha1 \(by itself\)[\s\S]*base +\d+ records/);
    const verified = await lockstep([...nowhere, 'backup', 'verify', created.file, ...known]);
    assert.equal(verified.code, 0, verified.stdout);
    assert.match(verified.stdout, /is good: \d+ records/);
    const { code, stdout } = await pipe(readFileSync(created.file), [
      ...nowhere,
      'backup',
      'verify',
      '-',
      ...known,
    ]);
    assert.equal(code, 0, stdout);
  });

  it('says apart what is damaged, what has another passphrase, and what is weak', async () => {
    const bytes = readFileSync(created.file);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    writeFileSync(at('damaged'), bytes);
    const known = ['--passphrase-file', at('pw')];
    writeFileSync(at('other'), 'another passphrase');
    for (const [args, exit, wanted] of [
      [['verify', at('damaged'), ...known], 5, 'damaged-bundle'],
      [['verify', created.file, '--passphrase-file', at('other')], 3, 'wrong-passphrase'],
      [['inspect', at('pw'), ...known], 5, 'not-a-bundle'],
      [['verify', at('nothing'), ...known], 2, 'bad-usage'],
      [['verify', created.file], 2, 'bad-usage'],
      [['create', '-o', created.file, ...known], 3, 'file-exists'],
      [['create', '-o', at('no/folder'), ...known], 2, 'bad-usage'],
    ] as const) {
      const { code, answer } = await unit.json('backup', ...args);
      assert.equal(answer.error?.code, wanted, args.join(' '));
      assert.equal(code, exit, args.join(' '));
    }
    const weak = await lockstep(['--dir', unit.dir, 'backup', 'create', '--passphrase-fd', '0'], {
      input: 'short',
    });
    assert.equal(weak.code, 3);
    assert.match(weak.stderr, /12 characters, or 4 words/);
  });

  it('never takes a passphrase from its arguments or the environment', async () => {
    const { code, stderr } = await unit.cli('backup', 'create', '--passphrase', PASSPHRASE);
    assert.equal(code, 2);
    assert.match(stderr, /unknown option/i);
    assert.ok(!stderr.includes(PASSPHRASE));
  });

  it('writes to a pipe', async () => {
    const child = start(['--dir', unit.dir, 'backup', 'create', '-o', '-', '--passphrase-fd', '0']);
    child.stdin?.end(PASSPHRASE);
    const { manifest } = await read(child.stdout as AsyncIterable<Buffer>, { passphrase: PASSPHRASE });
    assert.equal(manifest.unit.name, 'ha1');
  });

  it('leaves a whole bundle or none when it is killed', async () => {
    const began = performance.now();
    await unit.cli('backup', 'create', '-o', at('timed'), '--passphrase-file', at('pw'));
    const takes = performance.now() - began;
    let none = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const file = at(`killed-${kill}`);
      const child = start(['--dir', unit.dir, 'backup', 'create', '-o', file, '--passphrase-file', at('pw')]);
      const gone = new Promise(resolve => child.once('close', resolve));
      const timer = setTimeout(() => child.kill('SIGKILL'), (takes * (kill + 0.5)) / KILLS);
      await gone;
      clearTimeout(timer);
      if (!readdirSync(folder).includes(path.basename(file))) none++;
      else await read(readFileSync(file), { passphrase: PASSPHRASE });
    }
    assert.ok(none > 0, 'some were killed before the end');
    assert.equal((await unit.cli('status')).code, 0);
  });

  it('leaves none when the disk is full', async function () {
    const small = await smallDisk(at('disk'), 1);
    if (small === undefined) return this.skip();
    try {
      const full = path.join(at('disk'), 'full.lockstep');
      const filling = path.join(small.outside, 'filling');
      writeFileSync(filling, Buffer.alloc(1024 * 1024 - 4 * 1024));
      const { code, stderr } = await lockstep(
        ['--dir', unit.dir, 'backup', 'create', '-o', full, '--passphrase-file', at('pw')],
        { inside: small.inside },
      );
      assert.equal(code, 3, stderr);
      assert.match(stderr, /disk refused a write/);
      assert.deepEqual(readdirSync(small.outside), ['filling']);
    } finally {
      small.holder.kill();
    }
  });

  it('goes to another host by SFTP, whole, and only to the one whose key was named', async function () {
    if (!hasSshd()) return this.skip();
    const host = generateKeyPair();
    const identity = generateKeyPair();
    writeFileSync(at('identity'), identity.private, { mode: 0o600 });
    const sshd = await startSshd(folder, { hostKey: host.private, authorized: [identity.public] });
    try {
      mkdirSync(at('vault'));
      const send = (hostKey: string): ReturnType<typeof unit.cli> => {
        rmSync(path.join(unit.dir, 'backups'), { recursive: true, force: true });
        const to = `sftp://${userInfo().username}@127.0.0.1:${sshd.port}${at('vault')}`;
        const keys = ['--identity', at('identity'), '--host-key', hostKey];
        return unit.cli('backup', 'create', '-o', to, ...keys, '--passphrase-file', at('pw'), '--json');
      };
      const strange = await send(generateKeyPair().public);
      const { error } = JSON.parse(strange.stdout);
      assert.equal(error.code, 'key-mismatch');
      assert.ok(existsSync(error.facts.file), 'the bundle is where the error says');
      assert.ok(error.message.endsWith(`The bundle itself is good, and is here: ${error.facts.file}`));
      assert.deepEqual(readdirSync(at('vault')), []);
      const sent = JSON.parse((await send(host.public)).stdout) as BundleFacts & { sentTo: string };
      const [name = ''] = readdirSync(at('vault'));
      assert.ok(sent.sentTo.endsWith(`/vault/${name}`), sent.sentTo);
      assert.ok(readFileSync(path.join(at('vault'), name)).equals(readFileSync(sent.file)));
    } finally {
      await sshd.stop();
    }
  });
});

function start(args: string[]): ChildProcess {
  return spawn(process.execPath, [freshBuild(), ...args], { stdio: ['pipe', 'pipe', 'ignore'] });
}

async function pipe(input: Buffer, args: string[]): Promise<{ code: number | null; stdout: string }> {
  const child = start(args);
  child.stdin?.end(input);
  let stdout = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const code = await new Promise<number | null>(resolve => child.once('close', resolve));
  return { code, stdout };
}
