import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { chmodSync, existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { LockstepError } from '../../schema/error.ts';
import type { Json } from '../../schema/json.ts';
import { assertKeysPrivate, unitFolder } from '../../unit/folder.ts';
import { lockstep, TestUnit, temporaryFolder, until, untilInStep } from './daemon.ts';

const STRACE = 'strace';

/** Secrets that can be found again: each has a word in it that stands nowhere else. */
function mark(): string {
  return `mark${randomBytes(9).toString('hex')}`;
}

/** The secret part of a private key file: lines that hold nothing of the public key. */
function secretLines(pem: string): string[] {
  const lines = pem.split('\n').filter(line => line.length > 40 && !line.startsWith('-'));
  return lines.slice(lines.length > 4 ? 2 : 1);
}

interface Write {
  /** What the descriptor stands for: a path, `UNIX-STREAM:…`, `TCP:…`, `pipe:…`. */
  to: string;
  line: string;
}

/** What strace saw: every write of every process, and the files that were opened to be written. */
function readTrace(text: string): { writes: Write[]; opened: string[]; started: string[] } {
  const lines = text.split('\n');
  const writes = lines.flatMap(line => {
    const to = /^(?:write|writev|pwrite64|pwritev2?|sendto|sendmsg)\(\d+<(.*?)>, /.exec(line)?.[1];
    return to === undefined ? [] : [{ to, line }];
  });
  const opened = lines.flatMap(line => {
    const file = /^openat\([^"]*"([^"]*)", [A-Z_|]*(?:O_WRONLY|O_RDWR|O_CREAT)/.exec(line)?.[1];
    return file === undefined ? [] : [file];
  });
  return { writes, opened, started: lines.filter(line => /^execve\(/.test(line)) };
}

describe('secrets', function () {
  this.timeout(90_000);
  const { folder, remove } = temporaryFolder();
  after(remove);

  describe('of a running pair are nowhere but in store/ and keys/', () => {
    const trace = path.join(folder, 'trace');
    // Without a umask, what is open to others is open because somebody made it so.
    const open = ['sh', '-c', 'umask 0; exec "$@"', 'sh'];
    const calls = 'write,writev,pwrite64,pwritev,sendto,sendmsg,openat,execve';
    // A file for each process: lines of several would run into each other.
    const strace = `${STRACE} -D -ff -yy -s 1000000 -e signal=none -e trace=${calls} -o ${trace}`;
    const inside = [...open, ...strace.split(' ')];
    const ha1 = new TestUnit(path.join(folder, 'ha1'), '127.0.74.1', { inside });
    const ha2 = new TestUnit(path.join(folder, 'ha2'), '127.0.74.2', { inside });
    const marks = {
      bal: mark(),
      mail: mark(),
      snmp: mark(),
      radius: mark(),
      ntp: mark(),
      backup: mark(),
      passphrase: mark(),
      radius2: mark(),
    };
    let secrets: Record<string, string>;
    let seen: ReturnType<typeof readTrace>;
    let processes = '';

    before(async function () {
      if (spawnSync(STRACE, ['-V']).status !== 0) {
        process.stderr.write('    skipped: strace is missing; the Debian package strace brings it\n');
        return this.skip();
      }
      await ha1.init({ mode: 'first', name: 'lb1' });
      await ha2.init({ mode: 'second', name: 'lb2' });
      await Promise.all([ha1.start(), ha2.start()]);
      const { code } = await ha1.api.call('invite');
      const command = ['--dir', ha2.dir, 'pair', ha1.listen, '--code', '-'];
      const joined = await lockstep(command, { input: code, inside });
      assert.equal(joined.code, 0, joined.stderr + joined.stdout);
      const backupKey = generateKeyPairSync('ed25519')
        .privateKey.export({ type: 'pkcs8', format: 'pem' })
        .toString();
      const certificate = siteCertificate();
      const file = (name: string, content: string): string => {
        const place = path.join(folder, name);
        writeFileSync(place, content, { mode: 0o600 });
        return place;
      };
      const document = {
        email: { password: marks.mail },
        snmp: { community: marks.snmp },
        authentication: { radiusSecret: marks.radius, radiusBackupSecret: marks.radius2 },
        time: { ntpKeySecret: marks.ntp },
        backupSchedule: { password: marks.backup, passphrase: marks.passphrase, key: backupKey },
        certificates: { marked: certificate },
      };
      const applied = await ha1.cli('apply', '-f', file('marked.json', JSON.stringify(document)));
      assert.equal(applied.code, 0, applied.stderr);
      const set = await ha1.cli('set', 'users/bal/passwordHash', '--value-file', file('bal.txt', marks.bal));
      assert.equal(set.code, 0, set.stderr);
      assert.equal((await ha1.cli('force-update')).code, 0);
      await untilInStep(ha1, ha2);
      for (const unit of [ha1, ha2]) assert.equal((await unit.cli('show', '--json')).code, 0);
      assert.equal((await ha1.cli('diff', '1')).code, 1);
      await until(
        'the mirror is written',
        async () =>
          existsSync(path.join(ha2.dir, 'config', 'backupSchedule.json')) ||
          existsSync(path.join(ha2.dir, 'config', 'email.json')),
      );
      processes = [ha1, ha2]
        .flatMap(({ pid }) =>
          ['cmdline', 'environ'].map(name => readFileSync(`/proc/${pid}/${name}`, 'latin1')),
        )
        .join('\n');
      await Promise.all([ha1.stop(), ha2.stop()]);
      const key = (unit: TestUnit, name: string): string[] =>
        secretLines(readFileSync(path.join(unit.dir, 'keys', name), 'utf8'));
      secrets = Object.fromEntries(
        [
          ...Object.entries(marks),
          ['pairing code', code.split('.').at(-1) as string],
          ...[backupKey, certificate.key].map((pem, i) => [
            `PEM ${i}`,
            pem.split('\n')[1]?.slice(-24) as string,
          ]),
          ...[ha1, ha2].flatMap(unit =>
            ['host_ed25519', 'client_ed25519'].flatMap(name =>
              key(unit, name).map((line, i) => [`${unit.dir} ${name} ${i}`, line]),
            ),
          ),
        ].map(([name, secret]) => [name as string, secret as string]),
      );
      seen = readTrace(
        readdirSync(folder)
          .filter(name => name.startsWith('trace.'))
          .map(name => readFileSync(path.join(folder, name), 'utf8'))
          .join(''),
      );
    });

    after(() => Promise.all([ha1.stop(), ha2.stop()]));

    /** The names of the secrets in a text. */
    const secretsIn = (text: string): string[] =>
      Object.entries(secrets).flatMap(([name, secret]) => (text.includes(secret) ? [name] : []));

    it('the trace sees them where they may be: on their way through the socket of the unit, and in its store', () => {
      const through = seen.writes
        .filter(({ to }) => to.startsWith('UNIX'))
        .map(({ line }) => line)
        .join();
      assert.ok(secretsIn(through).includes('mail') && secretsIn(through).includes('bal'));
      const kept = seen.writes
        .filter(({ to }) => to.includes('/store/'))
        .map(({ line }) => line)
        .join();
      const held = Buffer.concat(
        [ha1, ha2].map(({ dir }) => readFileSync(path.join(dir, 'store', 'data.mdb'))),
      ).toString('latin1');
      assert.ok(secretsIn(kept + held).includes('mail'));
      assert.ok(!secretsIn(held).includes('bal'), 'a password is kept as a hash only');
      assert.ok(Object.keys(secrets).length >= 14, Object.keys(secrets).join());
    });

    it('not in what any process wrote elsewhere: the wire, the log, the mirror, a temporary file, a terminal', () => {
      const elsewhere = seen.writes.filter(
        ({ to }) => !to.startsWith('UNIX') && !/\/(store|keys)\//.test(to),
      );
      for (const place of ['TCP:', 'pipe:', '/log/', '/config/'])
        assert.ok(
          elsewhere.some(({ to }) => to.includes(place)),
          place,
        );
      for (const { to, line } of elsewhere) assert.deepEqual(secretsIn(line), [], to);
    });

    it('not in the arguments or the environment of a process', () => {
      assert.ok(seen.started.length >= 6, `${seen.started.length} processes`);
      assert.deepEqual(secretsIn(seen.started.join()), []);
      assert.deepEqual(secretsIn(processes), []);
    });

    it('not in any file of the unit beside store/ and keys/, and no file was made elsewhere', () => {
      for (const { dir } of [ha1, ha2]) {
        for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
          const place = path.join(dir, name);
          if (/^(store|keys)(\/|$)/.test(name) || !lstatSync(place).isFile()) continue;
          assert.deepEqual(secretsIn(readFileSync(place, 'latin1')), [], place);
        }
      }
      const foreign = seen.opened.filter(
        file => !file.startsWith(folder) && !/^\/(dev|proc|sys)\//.test(file),
      );
      assert.deepEqual(foreign, []);
    });

    it('every file and folder is for the owner alone, whatever the umask', () => {
      for (const { dir } of [ha1, ha2]) {
        for (const name of ['', ...readdirSync(dir, { recursive: true, encoding: 'utf8' })]) {
          const stats = lstatSync(path.join(dir, name));
          assert.equal(stats.mode & 0o777, stats.isDirectory() ? 0o700 : 0o600, name);
        }
      }
    });
  });

  it('the unit of systemd dumps no core', () => {
    assert.match(
      readFileSync(new URL('../../examples/lockstep.service', import.meta.url), 'utf8'),
      /^LimitCORE=0$/m,
    );
  });

  describe('that others could read', () => {
    const unit = new TestUnit(path.join(folder, 'lax'), '127.0.74.3');
    before(() => unit.init({ mode: 'first' }));

    for (const [name, mode, good] of [
      ['', 0o750, 0o700],
      ['', 0o701, 0o700],
      ['host_ed25519', 0o644, 0o600],
      ['client_ed25519', 0o620, 0o600],
      ['partner.json', 0o660, 0o600],
    ] as const) {
      it(`keys/${name} with mode ${mode.toString(8)} are refused, and what to do is told`, () => {
        const place = path.join(unit.dir, 'keys', name);
        if (name === 'partner.json') writeFileSync(place, '{}', { mode: 0o600 });
        chmodSync(place, mode);
        assert.throws(
          () => assertKeysPrivate(unitFolder(unit.dir)),
          ({ code, message, hint }: LockstepError) =>
            code === 'lax-permissions' &&
            message ===
              `Other users can get at ${path.join(unit.dir, 'keys', name)} (mode 0${mode.toString(8)}).`.replace(
                'keys/ ',
                'keys ',
              ) &&
            hint?.startsWith(`chmod ${good.toString(8)} `) === true,
        );
        chmodSync(place, good);
      });
    }

    it('keep the unit from starting, and are not mended in silence', async () => {
      chmodSync(path.join(unit.dir, 'keys'), 0o755);
      const { code, answer } = await unit.json('serve');
      assert.deepEqual([code, answer.error.code], [3, 'lax-permissions']);
      assert.equal(lstatSync(path.join(unit.dir, 'keys')).mode & 0o777, 0o755);
    });
  });
});

/** A certificate of the example site with its key. */
function siteCertificate(): { certificate: string; key: string } & Record<string, Json> {
  const site = JSON.parse(
    readFileSync(new URL('../../examples/site/site.json', import.meta.url), 'utf8'),
  ) as {
    certificates: Record<string, { certificate: string; key: string }>;
  };
  const { certificate, key } =
    Object.values(site.certificates).find(each => each.key !== undefined) ?? assert.fail();
  return { certificate, key };
}
