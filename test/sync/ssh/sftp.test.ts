/** A real sshd with its own sftp-server on loopback. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { generateKeyPair, openSshKey } from '../../../sync/ssh/keys.ts';
import { putFile, type SftpTarget } from '../../../sync/ssh/sftp.ts';
import { sendBundle } from '../../../unit/backups/send-bundle.ts';
import { hasSshd, type Sshd, startSshd } from './sshd.ts';

const HOST = generateKeyPair();
const { privateKey } = generateKeyPairSync('ed25519');
const KEY = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();

function publicLineOf(pem: string): string {
  const key = ssh2.utils.parseKey(openSshKey(pem));
  assert.ok(!(key instanceof Error), String(key));
  return `${key.type} ${key.getPublicSSH().toString('base64')}`;
}

describe('a bundle that goes to a host by SFTP', function () {
  this.timeout(30_000);
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-sftp-'));
  const target = join(folder, 'bundles');
  const file = join(folder, 'source');
  const content = randomBytes(1024 * 1024);
  const servers: Sshd[] = [];
  let port = 0;
  let small = 0;

  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pkcs8 = (key: typeof privateKey): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();
  const KEYS = { ed25519: KEY, rsa: pkcs8(rsa.privateKey), ecdsa: pkcs8(ec.privateKey) };

  before(async function () {
    if (!hasSshd()) this.skip();
    writeFileSync(file, content);
    const keys = { hostKey: HOST.private, authorized: Object.values(KEYS).map(publicLineOf) };
    servers.push(await startSshd(folder, keys), await startSshd(folder, { ...keys, kilobytes: 512 }));
    [port = 0, small = 0] = servers.map(server => server.port);
  });
  after(async () => {
    for (const server of servers) await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target);
  });

  const to = (facts: Partial<SftpTarget> = {}): SftpTarget => ({
    host: '127.0.0.1',
    port,
    user: userInfo().username,
    key: KEY,
    hostKey: HOST.public.split(' ').slice(0, 2).join(' '),
    folder: target,
    ...facts,
  });
  const bundles = (): string[] => readdirSync(target).filter(name => !name.startsWith('.'));

  it('is there under its name, whole and closed to others, and nothing else', async () => {
    await putFile(to(), file, 'a.lockstep');
    assert.deepEqual(readdirSync(target), ['a.lockstep']);
    assert.ok(readFileSync(join(target, 'a.lockstep')).equals(content));
    assert.equal(statSync(join(target, 'a.lockstep')).mode & 0o777, 0o600);
  });

  it('goes where the schedule says, and is called there as one would fetch it', async () => {
    const { user, key, hostKey } = to();
    const place = await sendBundle(
      { host: `[127.0.0.1]:${port}`, user, path: `${target}//`, key, hostKey },
      file,
      'a.lockstep',
    );
    assert.equal(place, `sftp://${user}@[127.0.0.1]:${port}${target}/a.lockstep`);
    assert.deepEqual(bundles(), ['a.lockstep']);
  });

  it('goes with keys of all kinds', async () => {
    for (const [kind, key] of Object.entries(KEYS)) await putFile(to({ key }), file, kind);
    assert.deepEqual(bundles().sort(), ['ecdsa', 'ed25519', 'rsa']);
  });

  it('sent again is left alone; another file of its name is never replaced', async () => {
    await putFile(to(), file, 'a.lockstep');
    const { mtimeMs, ino } = statSync(join(target, 'a.lockstep'));
    await putFile(to(), file, 'a.lockstep');
    const again = statSync(join(target, 'a.lockstep'));
    assert.deepEqual([again.mtimeMs, again.ino], [mtimeMs, ino]);
    writeFileSync(join(target, 'b.lockstep'), 'mine');
    await assert.rejects(putFile(to(), file, 'b.lockstep'), { code: 'file-exists' });
    assert.equal(readFileSync(join(target, 'b.lockstep'), 'utf8'), 'mine');
  });

  it('does not go to a host that shows another key', async () => {
    const hostKey = generateKeyPair().public.split(' ').slice(0, 2).join(' ');
    await assert.rejects(putFile(to({ hostKey }), file, 'a.lockstep'), { code: 'key-mismatch' });
    assert.deepEqual(readdirSync(target), []);
  });

  it('is refused with a reason: a strange key, a folder that is not there, nobody who listens', async () => {
    const stranger = pkcs8(generateKeyPairSync('ed25519').privateKey);
    await assert.rejects(putFile(to({ key: stranger }), file, 'a'), { code: 'backup-target' });
    await assert.rejects(putFile(to({ folder: join(target, 'none') }), file, 'a'), { code: 'backup-target' });
    await assert.rejects(putFile(to({ port: 1 }), file, 'a'), { code: 'backup-target' });
    await assert.rejects(putFile(to({ key: 'no key' }), file, 'a'), { code: 'bad-usage' });
  });

  it('leaves nothing on a host whose disk is full', async () => {
    await assert.rejects(putFile(to({ port: small }), file, 'a.lockstep'), { code: 'backup-target' });
    assert.deepEqual(readdirSync(target), []);
  });

  it('is there whole or not at all wherever the connection is cut, and a second attempt mends it', async () => {
    const whole = await bytesOfAnUpload();
    for (let cut = 0; cut < 7; cut++) {
      const name = `cut-${cut}.lockstep`;
      const wire = await cuttable(Math.round((whole * cut) / 6));
      const ended = await putFile(to({ port: wire.port }), file, name).then(
        () => 'done',
        error => error.code,
      );
      wire.close();
      const there = bundles().includes(name);
      if (there) assert.ok(readFileSync(join(target, name)).equals(content), name);
      if (ended === 'done') assert.ok(there, name);
      else assert.equal(ended, 'backup-target');
      await putFile(to(), file, name);
      assert.ok(readFileSync(join(target, name)).equals(content), name);
    }
    assert.equal(bundles().length, 7);
    assert.deepEqual(
      readdirSync(target).filter(name => name.startsWith('.')),
      [],
    );
  });

  async function bytesOfAnUpload(): Promise<number> {
    const wire = await cuttable(Number.POSITIVE_INFINITY);
    await putFile(to({ port: wire.port }), file, 'measured');
    rmSync(join(target, 'measured'));
    wire.close();
    return wire.passed();
  }

  /** A wire to the sshd that is cut, both ends with a reset, once so many bytes of ours have passed. */
  async function cuttable(most: number): Promise<{ port: number; close(): void; passed(): number }> {
    const ends: Socket[] = [];
    let passed = 0;
    const cut = (): void => {
      for (const end of ends) end.resetAndDestroy();
    };
    const server: Server = createServer(socket => {
      const onward = connect({ host: '127.0.0.1', port });
      ends.push(socket, onward);
      for (const end of [socket, onward]) end.on('error', () => undefined);
      socket.on('data', chunk => {
        passed += chunk.length;
        if (passed >= most) cut();
        else onward.write(chunk);
      });
      onward.on('data', chunk => socket.write(chunk));
      onward.on('close', () => socket.destroy());
      socket.on('close', () => onward.destroy());
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    return {
      port: (server.address() as { port: number }).port,
      close: () => {
        cut();
        server.close();
      },
      passed: () => passed,
    };
  }
});
