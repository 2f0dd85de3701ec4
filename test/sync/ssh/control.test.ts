/** Operators on the SSH listener: an HTTP server behind it as in a unit, real clients, ssh2 bent to misbehave, and OpenSSH. */

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import ssh2, { type Client, type ClientChannel } from 'ssh2';
import { LockstepError } from '../../../schema/error.ts';
import { sshKeyBlob } from '../../../schema/ssh-key.ts';
import { type Control, dial, dialControl } from '../../../sync/ssh/client.ts';
import { generateKeyPair, publicBlob } from '../../../sync/ssh/keys.ts';
import { type Listener, type ListenLimits, listen, type Refusal } from '../../../sync/ssh/server.ts';
import { needs } from '../../needs.ts';

const HOST = generateKeyPair();
const PARTNER = generateKeyPair();
const OPERATOR = generateKeyPair();
const OTHER = generateKeyPair();
const MIB = 1024 * 1024;

/** A unit as far as operators see it. */
class Unit {
  listener!: Listener;
  readonly http: Server;
  readonly refusals: Refusal[] = [];
  readonly streams: Duplex[] = [];
  readonly admitted = new Map<string, string>();
  #wakers: (() => void)[] = [];

  constructor(serve: (asked: IncomingMessage, answer: ServerResponse) => void) {
    this.http = createServer(serve);
  }

  static async start(
    serve: (asked: IncomingMessage, answer: ServerResponse) => void = hello,
    limits: Partial<ListenLimits> = {},
  ): Promise<Unit> {
    const unit = new Unit(serve);
    unit.admit(OPERATOR.public, 'ada');
    unit.listener = await listen({
      address: '127.0.0.1',
      port: 0,
      hostKey: HOST.private,
      admit: blob => (blob.equals(publicBlob(PARTNER.public)) ? 'partner' : undefined),
      onChannel: channel => channel.onFrame(payload => void channel.send(payload)),
      operators: {
        admit: blob => unit.admitted.get(blob.toString('base64')),
        onStream: stream => {
          stream.on('error', () => undefined);
          unit.http.emit('connection', stream);
          unit.note(() => unit.streams.push(stream));
        },
      },
      onRefusal: refusal => unit.note(() => unit.refusals.push(refusal)),
      limits,
    });
    units.push(unit);
    return unit;
  }

  admit(publicLine: string, who: string): void {
    this.admitted.set(sshKeyBlob(publicLine).toString('base64'), who);
  }

  note(change: () => void): void {
    change();
    for (const wake of this.#wakers.splice(0)) wake();
  }

  async until<Found>(look: () => Found | undefined): Promise<Found> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await new Promise<void>(resolve => this.#wakers.push(resolve));
    }
  }

  refused(reason: string): Promise<Refusal> {
    return this.until(() => this.refusals.find(refusal => refusal.reason === reason));
  }
}

const units: Unit[] = [];
const leaving: (() => void)[] = [];
let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockstep-control-'));
});
after(() => rmSync(folder, { recursive: true }));
afterEach(async () => {
  for (const leave of leaving.splice(0)) leave();
  for (const { http, listener } of units.splice(0)) {
    http.closeAllConnections();
    await listener.close();
  }
});

function hello(asked: IncomingMessage, answer: ServerResponse): void {
  asked.resume().on('end', () => answer.end(`hello ${asked.url}`));
}

async function operate(unit: Unit, key = OPERATOR, limits = {}): Promise<Control> {
  const control = await dialControl({
    host: '127.0.0.1',
    port: unit.listener.port,
    logins: [key.private],
    acceptHostKey: blob => blob.equals(publicBlob(HOST.public)),
    timeoutMs: 5_000,
    limits,
  });
  leaving.push(() => control.close());
  return control;
}

/** A request on a stream of its own. */
async function ask(control: Control, path: string, body?: Readable): Promise<IncomingMessage> {
  const stream = await control.open();
  return new Promise((resolve, reject) => {
    const asked = request({
      host: 'unit',
      path,
      method: body === undefined ? 'GET' : 'POST',
      createConnection: () => stream,
    });
    asked.on('response', resolve).on('error', reject);
    if (body === undefined) asked.end();
    else body.pipe(asked);
  });
}

async function text(answer: Promise<IncomingMessage>): Promise<string> {
  return (await buffer(await answer)).toString();
}

/** A bare ssh2 client that is logged in. */
async function attacker(unit: Unit, key = OPERATOR): Promise<Client> {
  const client = new ssh2.Client();
  leaving.push(() => client.destroy());
  client.on('error', () => undefined);
  client.connect({ host: '127.0.0.1', port: unit.listener.port, username: 'x', privateKey: key.private });
  await once(client, 'ready');
  return client;
}

function subsystem(client: Client, name: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.subsys(name, (error, stream) => (error ? reject(error) : resolve(stream)));
  });
}

/** Made once: OpenSSH takes seconds for an RSA key. */
function keyFile(type: 'ecdsa' | 'rsa'): string {
  const file = join(folder, type);
  const bits = type === 'rsa' ? '2048' : '256';
  if (!existsSync(file)) spawnSync('ssh-keygen', ['-q', '-t', type, '-b', bits, '-N', '', '-f', file]);
  return file;
}

/** Zeros without an end, and how many were taken. */
function zeros(): Readable & { given: number } {
  const chunk = Buffer.alloc(64 * 1024);
  const source = Object.assign(
    new Readable({
      read() {
        source.given += chunk.length;
        this.push(chunk);
      },
    }),
    { given: 0 },
  );
  return source;
}

describe('an operator', () => {
  it('asks many things, one after another and at once, on one connection', async () => {
    const unit = await Unit.start();
    const control = await operate(unit);
    for (let i = 0; i < 8; i++) assert.equal(await text(ask(control, `/${i}`)), `hello /${i}`);
    const answers = await Promise.all([1, 2, 3, 4].map(i => text(ask(control, `/${i}`))));
    assert.deepEqual(answers, ['hello /1', 'hello /2', 'hello /3', 'hello /4']);
    assert.deepEqual(unit.refusals, []);
  });

  it('sends and fetches 4 MiB, also while session keys are renewed by either side', async () => {
    const unit = await Unit.start(
      (asked, answer) => {
        answer.writeHead(200);
        asked.pipe(answer);
      },
      { rekeyBytes: 1.25 * MIB },
    );
    const control = await operate(unit, OPERATOR, { rekeyBytes: MIB });
    const sent = Buffer.alloc(4 * MIB, 'lockstep');
    const answer = await ask(control, '/', Readable.from([sent]));
    assert.ok((await buffer(answer)).equals(sent));
    assert.deepEqual(unit.refusals, []);
  });

  it('may have a key of ECDSA or RSA, which he signs without SHA-1', async () => {
    const unit = await Unit.start();
    for (const type of ['ecdsa', 'rsa'] as const) {
      const file = keyFile(type);
      unit.admit(readFileSync(`${file}.pub`, 'utf8'), type);
      const key = { private: readFileSync(file, 'utf8'), public: '' };
      assert.equal(await text(ask(await operate(unit, key), '/')), 'hello /');
    }
  });

  it('attack: one who was told so signs with RSA and SHA-1 all the same', async () => {
    const unit = await Unit.start();
    unit.admit(readFileSync(`${keyFile('rsa')}.pub`, 'utf8'), 'ada');
    const client = new ssh2.Client();
    leaving.push(() => client.destroy());
    const privateKey = readFileSync(keyFile('rsa'), 'utf8');
    client.connect({ host: '127.0.0.1', port: unit.listener.port, username: 'x', privateKey });
    // Deaf to the list of signatures that are taken, ssh2 falls back to SHA-1.
    const { _protocol } = client as unknown as { _protocol: { _handlers: Record<string, () => void> } };
    _protocol._handlers.EXT_INFO = () => undefined;
    const [error] = (await once(client, 'error')) as [Error & { level?: string }];
    assert.equal(error.level, 'client-authentication');
    assert.equal(unit.refusals[0]?.reason, 'SHA-1 is no way to sign');
  });

  it('is told when the unit knows none of his keys', async () => {
    const unit = await Unit.start();
    await assert.rejects(
      operate(unit, OTHER),
      (error: LockstepError) => error instanceof LockstepError && error.facts.reason === 'login-refused',
    );
  });

  it('loses his connections when he is removed, and others keep theirs', async () => {
    const unit = await Unit.start((_asked, answer) => void answer.write('it begins'));
    unit.admit(OTHER.public, 'grace');
    const [ada, grace] = [await operate(unit), await operate(unit, OTHER)];
    const [hers, his] = [await ask(ada, '/'), await ask(grace, '/')];
    await Promise.all([once(hers, 'data'), once(his, 'data')]);
    unit.admitted.delete(publicBlob(OPERATOR.public).toString('base64'));
    unit.listener.closeChannelsOf('ada');
    await assert.rejects(buffer(hers), /aborted/);
    await assert.rejects(ada.open());
    await assert.rejects(operate(unit));
    assert.equal(his.destroyed, false);
  });

  it('gets the answer that is under way when the unit stops listening', async () => {
    const unit = await Unit.start((asked, answer) => {
      void unit.listener.close().then(() => answer.end(`stopped by ${asked.url}`));
    });
    assert.equal(await text(ask(await operate(unit), '/rebuild')), 'stopped by /rebuild');
  });
});

describe('operators and units get nothing of each other', () => {
  it('an operator asks for the sync', async () => {
    const unit = await Unit.start();
    const call = {
      host: '127.0.0.1',
      port: unit.listener.port,
      clientKey: OPERATOR.private,
      acceptHostKey: () => true,
      timeoutMs: 5_000,
    };
    await assert.rejects(dial(call), (error: LockstepError) => error.facts.reason === 'no-subsystem');
    assert.equal((await unit.refused('another subsystem is refused')).detail, 'lockstep');
  });

  it('attack: a key that is both of the partner and of an operator gets the sync alone', async () => {
    const unit = await Unit.start();
    unit.admit(PARTNER.public, 'mallory');
    await assert.rejects(subsystem(await attacker(unit, PARTNER), 'lockstep-control'));
    await subsystem(await attacker(unit, PARTNER), 'lockstep');
    assert.deepEqual(unit.streams, []);
  });

  it('the partner asks for control', async () => {
    const unit = await Unit.start();
    await assert.rejects(
      operate(unit, PARTNER),
      (error: LockstepError) => error.facts.reason === 'no-subsystem',
    );
    assert.equal((await unit.refused('another subsystem is refused')).detail, 'lockstep-control');
    assert.deepEqual(unit.streams, []);
  });

  it('an operator asks for a shell, a command, a port', async () => {
    const unit = await Unit.start();
    const client = await attacker(unit);
    const shell = new Promise((_, reject) => client.shell(error => reject(error)));
    await assert.rejects(shell);
    const exec = new Promise((_, reject) => client.exec('id', error => reject(error)));
    await assert.rejects(exec);
    const port = new Promise((_, reject) =>
      client.forwardOut('x', 1, '127.0.0.1', 22, error => reject(error)),
    );
    await assert.rejects(port);
  });
});

describe('operators cannot crowd out the partner', () => {
  it('each has four connections at most, and what he has goes on', async () => {
    const unit = await Unit.start(hello, { connectionsPerOperator: 2 });
    const first = await operate(unit);
    await operate(unit);
    await assert.rejects(operate(unit));
    await unit.refused('too many connections of this operator');
    assert.equal(await text(ask(first, '/')), 'hello /');
  });

  it('all together have few, and the partner still gets in', async () => {
    const unit = await Unit.start(hello, { operators: 2 });
    unit.admit(OTHER.public, 'grace');
    await operate(unit);
    await operate(unit, OTHER);
    await assert.rejects(operate(unit, OTHER));
    await unit.refused('too many operators at once');
    const channel = await dial({
      host: '127.0.0.1',
      port: unit.listener.port,
      clientKey: PARTNER.private,
      acceptHostKey: () => true,
      timeoutMs: 5_000,
    });
    const answered = new Promise<Buffer>(resolve => channel.onFrame(resolve));
    void channel.send(Buffer.from('{}'));
    assert.equal(String(await answered), '{}');
    channel.close();
  });

  it('too many channels on one connection are refused; closed ones make room', async () => {
    const unit = await Unit.start((_asked, answer) => void answer.write('x'), { controlChannels: 3 });
    const client = await attacker(unit);
    const open = [1, 2, 3].map(() => subsystem(client, 'lockstep-control'));
    const [first] = await Promise.all(open);
    await assert.rejects(subsystem(client, 'lockstep-control'), /open failure|Channel/i);
    await unit.refused('one more channel is refused');
    const gone = once(first as ClientChannel, 'close');
    (first as ClientChannel).resume().destroy();
    await gone;
    await subsystem(client, 'lockstep-control');
  });

  it('1,000 channels opened and left without a subsystem are refused past the first few', async () => {
    const unit = await Unit.start(hello, { loginMs: 400 });
    const client = await attacker(unit);
    const protocol = (client as unknown as { _protocol: { session(...args: number[]): void } })._protocol;
    const closed = new Promise<void>(resolve => client.once('close', () => resolve()));
    for (let i = 0; i < 1_000; i++) protocol.session(1_000 + i, 1_000_000, 32_768);
    await closed; // by the deadline for logins: no channel was opened to the end
    assert.deepEqual(unit.streams, []);
    assert.ok(unit.refusals.some(({ reason }) => reason === 'did not log in in time'));
  });

  it('a connection on which nothing is asked ends', async () => {
    const unit = await Unit.start(hello, { controlIdleMs: 50 });
    const control = await operate(unit);
    assert.equal(await text(ask(control, '/')), 'hello /');
    await assert.rejects(async () => {
      for (;;) await text(ask(control, '/').finally(() => new Promise(resolve => setTimeout(resolve, 100))));
    });
  });
});

describe('an operator who misbehaves costs little memory', () => {
  it('one who asks for much and reads nothing holds up only the source of his answer', async () => {
    const source = zeros();
    const unit = await Unit.start((_asked, answer) => void source.pipe(answer), { stallMs: 300 });
    const client = await attacker(unit);
    const protocol = (client as unknown as { _protocol: { session(...args: number[]): void } })._protocol;
    const session = protocol.session.bind(protocol);
    // Grants a window of 4 GB, so that only the socket holds the unit back.
    protocol.session = (channel, _window, packet) =>
      session(channel as number, 0xffff_ffff, packet as number);
    const stream = await subsystem(client, 'lockstep-control');
    const socket = (client as unknown as { _sock: { pause(): void } })._sock;
    stream.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await unit.until(() => unit.streams[0]);
    socket.pause();
    await unit.refused('the other side does not take its answer');
    assert.ok(source.given < 24 * MIB, `${source.given} bytes were taken`);
    assert.equal(unit.streams[0]?.destroyed, true);
  });

  it('one who grants no window is given nothing, and cut off', async () => {
    const source = zeros();
    const unit = await Unit.start((_asked, answer) => void source.pipe(answer), { stallMs: 200 });
    const control = await operate(unit);
    const stream = await control.open();
    stream.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await unit.refused('the other side does not take its answer');
    assert.ok(source.given < 8 * MIB, `${source.given} bytes were taken`);
  });

  it('one who ignores the window of the unit is cut off', async () => {
    const unit = await Unit.start(() => undefined);
    const client = await attacker(unit);
    const stream = await subsystem(client, 'lockstep-control');
    stream.write('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n');
    await unit.until(() => unit.streams[0]);
    const protocol = (client as unknown as { _protocol: { channelData(id: number, data: Buffer): void } })
      ._protocol;
    const { id } = (stream as unknown as { outgoing: { id: number } }).outgoing;
    let open = true;
    client.on('close', () => {
      open = false;
    });
    const flood = setInterval(() => open && protocol.channelData(id, Buffer.alloc(32_000)), 0);
    await unit.refused('the other side ignores its window').finally(() => clearInterval(flood));
  });

  it('one who breaks off in the middle of an upload is noticed', async () => {
    const seen: string[] = [];
    const unit = await Unit.start(asked => {
      asked.once('data', () => unit.note(() => seen.push('begun')));
      asked.on('error', error => unit.note(() => seen.push(error.message)));
    });
    const control = await operate(unit);
    const body = zeros();
    ask(control, '/upload', body).catch(() => undefined);
    await unit.until(() => seen[0]);
    control.close();
    assert.equal(await unit.until(() => seen[1]), 'aborted');
    body.destroy();
  });
});

describe("OpenSSH's client as an operator", () => {
  before(function () {
    needs(this, 'ssh', 'ssh-keygen');
  });

  function ssh(unit: Unit, key: string, ...rest: string[]): ChildProcess {
    const known = join(folder, 'known_hosts');
    writeFileSync(known, `[127.0.0.1]:${unit.listener.port} ${HOST.public}\n`);
    const settings = ['BatchMode=yes', `UserKnownHostsFile=${known}`, 'IdentitiesOnly=yes'];
    const options = ['-F', '/dev/null', '-i', key, '-p', String(unit.listener.port)];
    const child = spawn('ssh', [...options, ...settings.flatMap(each => ['-o', each]), ...rest]);
    leaving.push(() => child.kill());
    return child;
  }

  it('speaks HTTP over the subsystem', async () => {
    const unit = await Unit.start();
    const key = join(folder, 'operator');
    writeFileSync(key, OPERATOR.private, { mode: 0o600 });
    const child = ssh(unit, key, '-s', 'x@127.0.0.1', 'lockstep-control');
    child.stdin?.write('GET /judge HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    const answer = (await buffer(child.stdout as Readable)).toString();
    assert.match(answer, /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\nhello \/judge$/);
  });

  it('does not get in with a signature of RSA and SHA-1, but does with SHA-2', async () => {
    const unit = await Unit.start();
    const key = keyFile('rsa');
    unit.admit(readFileSync(`${key}.pub`, 'utf8'), 'ada');
    const rest = ['-s', 'x@127.0.0.1', 'lockstep-control'];
    const [code] = await once(ssh(unit, key, '-o', 'PubkeyAcceptedAlgorithms=ssh-rsa', ...rest), 'exit');
    assert.equal(code, 255);
    assert.equal(unit.streams.length, 0);
    ssh(unit, key, ...rest);
    await unit.until(() => unit.streams[0]);
  });

  it('is told which signatures are taken', async () => {
    const unit = await Unit.start();
    const key = keyFile('rsa');
    unit.admit(readFileSync(`${key}.pub`, 'utf8'), 'ada');
    const child = ssh(unit, key, '-vv', '-s', 'x@127.0.0.1', 'lockstep-control');
    await unit.until(() => unit.streams[0]);
    child.stdin?.end();
    const said = (await buffer(child.stderr as Readable)).toString();
    const [, taken] = /server-sig-algs=<([^>]*)>/.exec(said) ?? [];
    assert.equal(taken, 'ssh-ed25519,ecdsa-sha2-nistp256,rsa-sha2-512,rsa-sha2-256');
  });
});

describe('AsyncSSH, which holds a unit to the letter of the RFCs, as an operator', function () {
  this.timeout(30_000);
  const python = '/usr/bin/python3';
  before(function () {
    if (spawnSync(python, ['-c', 'import asyncssh'], { stdio: 'ignore' }).status === 0) return;
    process.stdout.write('    skipped: the Debian package python3-asyncssh is missing\n');
    this.skip();
  });

  for (const type of ['rsa', 'ecdsa'] as const)
    it(`gets in with a key of the type ${type}`, async () => {
      const unit = await Unit.start();
      const key = keyFile(type);
      unit.admit(readFileSync(`${key}.pub`, 'utf8'), 'ada');
      const child = spawn(python, ['-W', 'ignore', '-c', ASYNCSSH, String(unit.listener.port), key]);
      leaving.push(() => child.kill());
      const [answer, fault] = await Promise.all([buffer(child.stdout), buffer(child.stderr)]);
      assert.match(answer.toString(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*hello \/judge$/, fault.toString());
    });
});

const ASYNCSSH = `
import asyncio, asyncssh, sys
async def main():
    options = dict(username='x', client_keys=[sys.argv[2]], known_hosts=None, agent_path=None)
    async with asyncssh.connect('127.0.0.1', int(sys.argv[1]), **options) as connection:
        out, answer, _ = await connection.open_session(subsystem='lockstep-control', encoding=None)
        out.write(b'GET /judge HTTP/1.1\\r\\nhost: x\\r\\nconnection: close\\r\\n\\r\\n')
        sys.stdout.buffer.write(await answer.read())
asyncio.run(main())
`;
