/** A real pair, worked on from elsewhere: lockstep --unit, a real agent, each role. */

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { ApiClient } from '../../api/client.ts';
import type { AuditReport } from '../../api/contract/audits.ts';
import { Output } from '../../cli/output.ts';
import { RemoteConnection } from '../../cli/remote/connect.ts';
import { needs } from '../needs.ts';
import {
  type CommandResult,
  lockstep,
  pairUp,
  refusalOf,
  TestUnit,
  temporaryFolder,
  untilInStep,
} from './daemon.ts';

/** As an appliance tells how it is administered. */
const CAPTURE =
  '<Response stat="200" code="ok"><Success><Data><sshaccess>no</sshaccess></Data></Success></Response>';

describe('operators from elsewhere', function () {
  this.timeout(60_000);
  const { folder, remove } = temporaryFolder();
  const home = path.join(folder, 'home');
  const knownHosts = path.join(home, '.ssh', 'known_hosts');
  const passphrase = path.join(folder, 'passphrase');
  const addresses = ['127.0.23.1', '127.0.23.2'];
  const connections: RemoteConnection[] = [];
  const { HOME, SSH_AUTH_SOCK } = process.env;
  let first: TestUnit;
  let second: TestUnit;

  before(async function () {
    needs(this, 'ssh-keygen');
    mkdirSync(path.join(home, '.ssh'), { recursive: true, mode: 0o700 });
    writeFileSync(passphrase, 'correct horse battery staple');
    for (const name of ['ada', 'olga', 'rita', 'eve']) makeKey(name);
    const units = addresses.map((address, index) => new TestUnit(path.join(folder, String(index)), address));
    [first, second] = units as [TestUnit, TestUnit];
    await first.init({ mode: 'first' });
    await second.init({ mode: 'second' });
    await Promise.all([first.start(), second.start()]);
    await pairUp(first, second);
    assert.equal((await first.cli('operator', 'add', 'ada', '--key', pub('ada'), '--role', 'admin')).code, 0);
    await first.api.call('change', {
      changes: [
        { op: 'put', path: 'operators/olga', value: { publicKey: keyOf('olga'), role: 'operate' } },
        { op: 'put', path: 'operators/rita', value: { publicKey: keyOf('rita'), role: 'read' } },
      ],
    });
    Object.assign(process.env, { HOME: home, SSH_AUTH_SOCK: '' });
    await first.api.call('forceUpdate');
    await untilInStep(first, second);
  });
  afterEach(async () => {
    await Promise.all(connections.splice(0).map(connection => connection.close()));
  });
  after(async () => {
    for (const [name, value] of Object.entries({ HOME, SSH_AUTH_SOCK })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
    await Promise.all([first.stop(), second.stop()]);
    remove();
  });

  function makeKey(name: string, ...options: string[]): void {
    const file = path.join(home, name);
    execFileSync('ssh-keygen', [
      '-q',
      '-t',
      'ed25519',
      '-N',
      '',
      '-C',
      `${name}@desk`,
      '-f',
      file,
      ...options,
    ]);
  }

  function pub(name: string): string {
    return path.join(home, `${name}.pub`);
  }

  /** As a record has it. */
  function keyOf(name: string): string {
    return readFileSync(pub(name), 'utf8').split(' ').slice(0, 2).join(' ');
  }

  /** Host keys as a person would put them there, read off the unit. */
  function trust(): void {
    for (const [index, unit] of [first, second].entries()) {
      const key = execFileSync('ssh-keygen', ['-y', '-f', path.join(unit.dir, 'keys', 'host_ed25519')]);
      appendFileSync(knownHosts, `[${addresses[index]}]:6973 ${key.toString()}`);
    }
  }

  /** As `name` would type it, on a machine of his own. */
  function as(
    name: string,
    args: string[],
    unit = 0,
    environment: Record<string, string> = {},
  ): Promise<CommandResult> {
    const key = name === '' ? [] : ['--identity', path.join(home, name)];
    return lockstep(['--unit', String(addresses[unit]), ...key, ...args], {
      environment: { HOME: home, SSH_AUTH_SOCK: '', ...environment },
    });
  }

  /** The same without the start of a process for each request. `name` empty: whatever the agent holds. */
  function api(name: string, { unit = 0, hostKey = '' } = {}): ApiClient {
    const remote = new RemoteConnection({
      host: addresses[unit] as string,
      port: 6973,
      interactive: false,
      out: new Output({ json: true, color: false }),
      ...(name === '' ? {} : { identity: path.join(home, name) }),
      ...(hostKey === '' ? {} : { hostKey }),
    });
    connections.push(remote);
    return new ApiClient({ dir: folder, author: 'root', remote });
  }

  it('a host that nobody has vouched for is told nothing; one with another key neither, loudly', async () => {
    const unknown = await as('ada', ['status']);
    assert.equal(unknown.code, 3);
    const [, line] = /add to ~\/\.ssh\/known_hosts: (.*)/.exec(unknown.stderr) ?? [];
    const [, key] = readFileSync(pub('eve'), 'utf8').split(' ');
    writeFileSync(knownHosts, `[${addresses[0]}]:6973 ssh-ed25519 ${key}\n`);
    const changed = await refusalOf(api('ada').call('status'));
    assert.equal(changed.code, 'key-mismatch');
    assert.match(changed.message, /IS NOT THE KNOWN ONE.*known_hosts line 1/);
    writeFileSync(knownHosts, `${line}\n`);
    assert.equal((await as('ada', ['status'])).code, 0, 'the line that was named is the right one');
    writeFileSync(knownHosts, '');
    const fingerprint = (await second.status()).partner?.fingerprint ?? '';
    assert.equal((await api('ada', { hostKey: fingerprint }).call('status')).unit.role, 'active');
    const wrong = await refusalOf(api('ada', { unit: 1, hostKey: fingerprint }).call('status'));
    assert.equal(wrong.code, 'key-mismatch');
    trust();
  });

  it('who reads sees everything but secrets, and changes nothing', async () => {
    const { code, stderr } = await as('rita', ['set', 'ha/virtualId', '77']);
    assert.equal(code, 3);
    assert.match(stderr, /needs the role operate; this operator has the role read/);
    const rita = api('rita');
    await rita.call('show', {});
    await rita.call('history', {});
    await rita.call('diff', { from: 1 });
    await rita.call('bundles');
    const refused: [string, () => Promise<unknown>][] = [
      [
        'operate',
        () => rita.call('change', { changes: [{ op: 'remove', path: 'operators/ada' }], dryRun: true }),
      ],
      ['operate', () => rita.call('forceUpdate')],
      ['operate', () => rita.call('takeover', { force: true })],
      ['operate', () => rita.call('upload', { bytes: Readable.from([Buffer.alloc(1_000)]) })],
      ['admin', () => rita.call('unpair')],
      ['admin', () => rita.call('invite')],
      ['admin', () => rita.call('rebuild', { force: true })],
    ];
    for (const [needed, asked] of refused) {
      const refusal = await refusalOf(asked());
      assert.deepEqual([refusal.code, refusal.facts], ['role-refused', { role: 'read', needed }]);
    }
  });

  it('who operates changes the configuration in his name', async () => {
    const { revision } = (await first.status()).unit;
    assert.equal((await as('olga', ['set', 'ha/virtualId', '77', '--reason', 'why not'])).code, 0);
    const [newest] = (await first.api.call('history', { limit: 1 })).revisions;
    assert.deepEqual([newest?.author, newest?.reason], ['operator:olga', 'why not']);
    const olga = api('olga');
    await olga.call('rollback', { revision });
    await olga.call('forceUpdate');
  });

  it('who operates cannot make himself admin by any way', async () => {
    const olga = api('olga');
    const value = { publicKey: keyOf('olga'), role: 'admin' };
    const document = { operators: { olga: value } };
    const set = (at: string, field: string, to: string | boolean) =>
      olga.call('change', { changes: [{ op: 'set', path: at, field: [field], value: to }] });
    const ways = [
      () => set('operators/olga', 'role', 'admin'),
      () => set('users/bal', 'comment', 'mine'),
      () => set('backupSchedule', 'enabled', true),
      () => olga.call('change', { changes: [{ op: 'put', path: 'unitOperators/olga', value }] }),
      () => olga.call('change', { changes: [{ op: 'remove', path: 'operators' }] }),
      () => olga.call('change', { changes: [{ op: 'put', path: 'operators/olga', value }], dryRun: true }),
      () => olga.call('change', { changes: [{ op: 'put', path: 'operators/olga', value }], confirm: 5 }),
      () => olga.call('change', { changes: [{ op: 'put', path: 'operators/olga', value }], wait: true }),
      () => olga.call('apply', { document }),
      () => olga.call('apply', { document: { operators: {} }, replace: true }),
      () => olga.call('rollback', { revision: 1 }),
      () => set('access', 'minPassword', '6'),
      () => set('webAdmin', 'enabled', false),
      () => set('driftAlert', 'hook', 'mine'),
      () => olga.call('apply', { document: { driftAlert: { recipients: ['olga@evil.example'] } } }),
      () => olga.call('change', { changes: [{ op: 'put', path: 'webCertificate', value: { key: 'mine' } }] }),
      () => olga.call('importLoadMaster', { files: [{ name: 'getall.xml', text: CAPTURE }] }),
    ];
    for (const [index, way] of ways.entries()) {
      const refusal = await refusalOf(way());
      assert.deepEqual([index, refusal.code, refusal.facts.needed], [index, 'role-refused', 'admin']);
    }
    const { value: left } = await first.api.call('show', { path: 'operators' });
    assert.deepEqual(Object.keys(left as object), ['ada', 'olga', 'rita']);
  });

  it('a change of an admin that waits to be confirmed is not taken back by who only operates', async () => {
    const [ada, olga] = [api('ada'), api('olga')];
    const changes = [{ op: 'set' as const, path: 'operators/rita', field: ['comment'], value: 'reads' }];
    await ada.call('change', { changes, confirm: 5 });
    assert.equal((await refusalOf(olga.call('confirm', { undo: true }))).code, 'role-refused');
    await ada.call('confirm', { undo: true });
  });

  it('bundles go both ways', async () => {
    const file = path.join(folder, 'site.lockstep');
    const secret = ['--passphrase-file', passphrase];
    assert.equal((await as('ada', ['backup', 'create', '-o', file, ...secret])).code, 0);
    const plan = await as('ada', ['restore', file, ...secret, '--dry-run']);
    assert.equal(plan.code, 0, plan.stderr);
  });

  it('attack: who operates fetches all passwords in a bundle, has one sent to him, or learns one by e-mail', async () => {
    const olga = api('olga');
    const passphraseText = readFileSync(passphrase, 'utf8');
    const target = { name: 'x.lockstep', host: addresses[1] as string, user: 'olga', path: '/' };
    const ways = [
      () => olga.call('backup', { passphrase: passphraseText }),
      () => olga.call('backup', { passphrase: passphraseText, kind: 'certificates' }),
      () => olga.call('sendBackup', target),
      () => olga.call('restore', { upload: 'x', passphrase: passphraseText }),
      () =>
        olga.call('change', { changes: [{ op: 'put', path: 'email', value: { server: 'evil.example' } }] }),
    ];
    for (const way of ways) assert.equal((await refusalOf(way())).code, 'role-refused');
  });

  it('what only lies on the machine of the unit is not taken from another', async () => {
    const file = path.join(folder, 'x.support');
    const made = await as('rita', ['support-bundle', '-o', file, '--passphrase-file', passphrase, '--json']);
    assert.deepEqual(JSON.parse(made.stdout).missing, ['log.jsonl']);
  });

  it('two units are audited from a machine that has none, by who may ask both', async () => {
    const changes = [{ op: 'put' as const, path: 'hosts/unsent', value: { address: '10.9.0.1' } }];
    const { revision } = await first.api.call('change', { changes });
    const audit = (name: string, ...more: string[]): Promise<CommandResult> =>
      lockstep(
        ['--identity', path.join(home, name), '--dir', path.join(folder, 'none'), 'audit', ...more, '--json'],
        {
          environment: { HOME: home, SSH_AUTH_SOCK: '' },
        },
      );
    const both = [`${addresses[0]}:6973`, String(addresses[1])];
    const { code, stdout } = await audit('ada', ...both);
    const { findings } = JSON.parse(stdout) as AuditReport;
    assert.deepEqual([code, findings.length], [1, 1], stdout);
    assert.deepEqual(
      [findings[0]?.class, findings[0]?.revision, findings[0]?.on],
      ['not-sent', revision, 'b'],
    );
    const refused = await audit('rita', ...both);
    assert.deepEqual([refused.code, JSON.parse(refused.stdout).error.code], [3, 'role-refused']);
    // Each pair compares itself, so whoever reads may ask for it.
    const inventory = path.join(folder, 'fleet.yaml');
    writeFileSync(inventory, `- {name: here, unit: '${both[0]}'}\n- {name: off, unit: 127.0.23.9}\n`);
    const fleet = await audit('rita', 'fleet', inventory);
    const rows = fleet.stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line));
    assert.equal(fleet.code, 4);
    assert.equal(rows.find(({ name }) => name === 'here').counts['not-sent'], 1);
    assert.equal(rows.find(({ name }) => name === 'off').error.class, 'unreachable');
    await first.api.call('forceUpdate');
    assert.equal((await audit('ada', ...both)).code, 0);
  });

  it('the agent signs, and LOCKSTEP_UNIT names the unit', async () => {
    const socket = path.join(folder, 'agent');
    const started = execFileSync('ssh-agent', ['-a', socket]).toString();
    const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(started)?.[1]);
    try {
      const environment = { SSH_AUTH_SOCK: socket };
      // Protected by a passphrase on the disk, so only the agent can sign.
      execFileSync('ssh-add', ['-q', path.join(home, 'olga')], { env: { ...process.env, ...environment } });
      execFileSync('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'locked', '-f', path.join(home, 'olga')]);
      process.env.SSH_AUTH_SOCK = socket;
      await api('', { unit: 1 }).call('show', { path: 'host' });
      await api('olga', { unit: 1 }).call('show', { path: 'host' });
      process.env.SSH_AUTH_SOCK = '';
      const alone = await refusalOf(api('olga', { unit: 1 }).call('show', { path: 'host' }));
      assert.equal(alone.code, 'bad-usage');
      assert.match(`${alone.message} ${alone.hint}`, /protected by a passphrase.*ssh-add/);
      const { code, stdout } = await lockstep(['show', 'ha', '--json'], {
        environment: { HOME: home, ...environment, LOCKSTEP_UNIT: `${addresses[1]}:6973` },
      });
      assert.equal(code, 0);
      assert.equal(JSON.parse(stdout).value.mode, 'second');
    } finally {
      process.env.SSH_AUTH_SOCK = '';
      process.kill(pid);
    }
  });

  it('an operator of one unit is one there only', async () => {
    const add = ['operator', 'add', 'eve', '--key', pub('eve'), '--role', 'read', '--this-unit'];
    assert.equal((await second.cli(...add)).code, 0);
    await api('eve', { unit: 1 }).call('show', { path: 'ha' });
    const elsewhere = await refusalOf(api('eve').call('status'));
    assert.equal(elsewhere.code, 'unit-unreachable');
    assert.match(elsewhere.message, /admits none of the keys/);
  });

  it('attack: an open invitation keeps operators out, who would be taken for units', async () => {
    await first.api.call('invite');
    assert.equal((await api('rita').call('status')).unit.role, 'active');
  });

  function openSsh() {
    const settings = [`UserKnownHostsFile=${knownHosts}`, 'IdentitiesOnly=yes', 'BatchMode=yes'];
    const options = ['-F', '/dev/null', '-p', '6973', '-i', path.join(home, 'rita')];
    const target = ['-s', `rita@${addresses[0]}`, 'lockstep-control'];
    return spawn('ssh', [...options, ...settings.flatMap(each => ['-o', each]), ...target]);
  }

  it("what is piped into OpenSSH's client is answered, each time", async () => {
    for (let time = 0; time < 5; time++) {
      const ssh = openSsh();
      ssh.stdin.end('GET /v1/status HTTP/1.1\r\nhost: unit\r\n\r\n');
      assert.match((await buffer(ssh.stdout)).toString(), /^HTTP\/1\.1 200 OK\r\n/);
    }
  });

  it("who is removed is out at once, also with OpenSSH's client", async () => {
    const ssh = openSsh();
    const ended = once(ssh, 'exit');
    ssh.stdin.write('GET /v1/status HTTP/1.1\r\nhost: unit\r\n\r\n');
    const [answer] = (await once(ssh.stdout, 'data')) as [Buffer];
    assert.match(answer.toString(), /^HTTP\/1\.1 200 OK\r\n/);
    assert.equal((await first.cli('operator', 'remove', 'rita')).code, 0);
    const [code] = await ended;
    assert.notEqual(code, 0);
    assert.equal((await refusalOf(api('rita').call('status'))).code, 'unit-unreachable');
  });

  it('the log says who did what, and nothing of what was sent', () => {
    const told = first.log.filter(({ author }) => String(author).startsWith('operator:'));
    const lines = told.map(({ author, role, route, status }) => `${author} ${role} ${route} ${status}`);
    assert.ok(lines.includes('operator:olga operate /v1/changes 200'), lines.join('\n'));
    assert.ok(lines.includes('operator:rita read /v1/takeover 403'), lines.join('\n'));
    assert.doesNotMatch(JSON.stringify(first.log), /correct horse|PRIVATE KEY/);
  });
});
