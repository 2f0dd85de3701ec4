/** Real peers throughout: OpenSSH's ssh and sshd, ssh2 bent to misbehave, and raw sockets. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import ssh2, { type AuthMethod, type Client, type ClientChannel, type ConnectConfig } from 'ssh2';
import { LockstepError } from '../../../schema/error.ts';
import type { Channel } from '../../../sync/channel.ts';
import { type DialOptions, dial } from '../../../sync/ssh/client.ts';
import { encodeFrame } from '../../../sync/ssh/frame.ts';
import { fingerprint, generateKeyPair, publicBlob } from '../../../sync/ssh/keys.ts';
import {
  type Listener,
  type ListenOptions,
  listen,
  type Peer,
  type Refusal,
} from '../../../sync/ssh/server.ts';
import { needs } from '../../needs.ts';

const HOST = generateKeyPair('host');
const PARTNER = generateKeyPair('partner');
const STRANGER = generateKeyPair('stranger');
const hostBlob = publicBlob(HOST.public);
const partnerBlob = publicBlob(PARTNER.public);

/** What the unit under attack was told, with a way to wait for it. */
class Unit {
  listener!: Listener;
  readonly refusals: Refusal[] = [];
  readonly guests: { channel: Channel; peer: Peer }[] = [];
  #waiting: (() => void)[] = [];

  static async start(options: Partial<ListenOptions> = {}): Promise<Unit> {
    const unit = new Unit();
    unit.listener = await listen({
      address: '127.0.0.1',
      port: 0,
      hostKey: HOST.private,
      admit: blob => (blob.equals(partnerBlob) ? 'partner' : undefined),
      onRefusal: refusal => unit.#note(() => unit.refusals.push(refusal)),
      ...options,
      onChannel: (channel, peer) => {
        (options.onChannel ?? echo)(channel, peer);
        unit.#note(() => unit.guests.push({ channel, peer }));
      },
    });
    units.push(unit);
    return unit;
  }

  get port(): number {
    return this.listener.port;
  }

  get reasons(): string[] {
    return this.refusals.map(({ reason }) => reason);
  }

  async refused(reason: string): Promise<Refusal> {
    return this.#until(() => this.refusals.find(refusal => refusal.reason === reason));
  }

  async guest(): Promise<{ channel: Channel; peer: Peer }> {
    return this.#until(() => this.guests[0]);
  }

  async #until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await new Promise<void>(resolve => this.#waiting.push(resolve));
    }
  }

  #note(change: () => void): void {
    change();
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

const units: Unit[] = [];
const sockets: { destroy(): void }[] = [];
const children: ChildProcess[] = [];
let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'lockstep-ssh-'));
});
after(() => rmSync(folder, { recursive: true, force: true }));
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const child of children.splice(0)) await stop(child);
  for (const unit of units.splice(0)) await unit.listener.close();
});

function echo(channel: Channel): void {
  channel.onFrame(payload => void channel.send(payload));
}

function quiet(): void {}

async function call(port: number, options: Partial<DialOptions> = {}): Promise<Channel> {
  const channel = await dial({
    host: '127.0.0.1',
    port,
    clientKey: PARTNER.private,
    acceptHostKey: blob => blob.equals(hostBlob),
    timeoutMs: 5_000,
    ...options,
  });
  sockets.push({ destroy: () => channel.close() });
  return channel;
}

/** Sends each payload after the answer to the one before. */
async function converse(channel: Channel, payloads: Buffer[]): Promise<Buffer[]> {
  const answers: Buffer[] = [];
  let wake: () => void = quiet;
  channel.onFrame(payload => {
    answers.push(payload);
    wake();
  });
  for (const payload of payloads) {
    const answered = new Promise<void>(resolve => {
      wake = resolve;
    });
    await channel.send(payload);
    await answered;
  }
  return answers;
}

function closed(channel: Channel): Promise<string> {
  return new Promise(resolve => channel.onClose(resolve));
}

function unreachable(reason: string): (error: unknown) => boolean {
  return error => {
    assert.ok(error instanceof LockstepError, String(error));
    assert.deepEqual([error.code, error.facts.reason], ['partner-unreachable', reason]);
    return true;
  };
}

function rawSocket(port: number): Socket {
  const socket = connect({ host: '127.0.0.1', port });
  socket.on('error', quiet);
  sockets.push(socket);
  return socket;
}

function gone(socket: Socket): Promise<void> {
  return new Promise(resolve => void socket.resume().once('close', () => resolve()));
}

/** A bare ssh2 client, for what our own never does. Resolves when logged in; rejects with ssh2's error. */
async function attacker(port: number, config: Partial<ConnectConfig> = {}): Promise<Client> {
  const client = new ssh2.Client();
  sockets.push({ destroy: () => client.destroy() });
  const login = new Promise<Client>((resolve, reject) => {
    client.on('error', reject);
    client.on('close', () => reject(new Error('closed')));
    client.on('ready', () => resolve(client));
  });
  client.connect({
    host: '127.0.0.1',
    port,
    username: 'lockstep',
    privateKey: PARTNER.private,
    readyTimeout: 5_000,
    ...config,
  });
  return login;
}

function subsystem(client: Client): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.subsys('lockstep', (error, stream) => {
      if (error) return reject(error);
      stream.on('error', quiet);
      resolve(stream);
    });
  });
}

/** ssh2's own protocol object, for messages that its client never sends. */
function bare(client: Client): {
  ping(): void;
  rekey(): void;
  session(channel: number, window: number, packet: number): void;
} {
  return (client as unknown as { _protocol: ReturnType<typeof bare> })._protocol;
}

/** Makes the client grant another window and packet size than ssh2 does. */
function widen(client: Client, grant: { window?: number; packet?: number }): void {
  const protocol = bare(client);
  const open = protocol.session.bind(protocol);
  protocol.session = (channel, window, packet) =>
    open(channel, grant.window ?? window, grant.packet ?? packet);
}

/** Sends for as long as the other side takes it. */
function flood(channel: Channel): void {
  void (async () => {
    for (;;) await channel.send(Buffer.alloc(64 * 1_024));
  })().catch(quiet);
}

/** Wall time, so that waiting counts: the least of five rounds, since a busy machine makes any one of them slow. */
async function isWithin(boundMs: number, round: () => Promise<void>): Promise<boolean> {
  for (let left = 5; left > 0; left--) {
    const started = performance.now();
    await round();
    if (performance.now() - started < boundMs) return true;
  }
  return false;
}

describe('the partner gets in', () => {
  it('and is named by its key', async () => {
    const unit = await Unit.start();
    const channel = await call(unit.port);
    const { peer } = await unit.guest();
    assert.deepEqual(peer, { who: 'partner', keyBlob: partnerBlob, address: '127.0.0.1' });
    assert.deepEqual(channel.remote, { address: '127.0.0.1', port: unit.port });
    assert.deepEqual(unit.refusals, []);
  });

  it('1,000 questions are answered in order, each in well under a millisecond', async () => {
    const unit = await Unit.start();
    const channel = await call(unit.port);
    const questions = Array.from({ length: 1_000 }, (_, i) => Buffer.from(`{"question":${i}}`));
    const ask = async () => assert.deepEqual(await converse(channel, questions), questions);
    assert.ok(await isWithin(1_000, ask));
  });

  it('12 MB cross in both directions at once, unchanged, in well under half a second', async () => {
    const unit = await Unit.start();
    const channel = await call(unit.port);
    const payloads = [64, 1_024, 8 * 1_024].flatMap(kib =>
      Array.from({ length: Math.ceil(4_096 / kib) }, () => randomBytes(Math.min(kib, 4_096) * 1_024)),
    );
    const cross = async (): Promise<void> => {
      const [sent, received] = [createHash('sha256'), createHash('sha256')];
      let left = payloads.length;
      const all = new Promise<void>(resolve => {
        channel.onFrame(payload => {
          received.update(payload);
          if (--left === 0) resolve();
        });
      });
      for (const payload of payloads) {
        sent.update(payload);
        await channel.send(payload);
      }
      await all;
      assert.equal(received.digest('hex'), sent.digest('hex'));
    };
    assert.ok(await isWithin(1_000, cross));
  });

  it('session keys are renewed under way, and no frame is lost or late', async () => {
    const unit = await Unit.start();
    let keysShown = 0;
    const channel = await call(unit.port, {
      limits: { rekeyBytes: 512 * 1_024 },
      acceptHostKey: blob => ++keysShown > 0 && blob.equals(hostBlob),
    });
    const payloads = Array.from({ length: 60 }, () => randomBytes(100_000));
    const received: Buffer[] = [];
    const all = new Promise<void>(resolve => {
      channel.onFrame(payload => {
        if (received.push(payload) === payloads.length) resolve();
      });
    });
    for (const payload of payloads) await channel.send(payload);
    await all;
    assert.deepEqual(received, payloads);
    assert.ok(keysShown >= 3, `${keysShown} key exchanges`);
  });

  it('session keys are renewed by time, also when nothing is said', async () => {
    const unit = await Unit.start();
    let keysShown = 0;
    await new Promise<void>((resolve, reject) => {
      const acceptHostKey = (blob: Buffer): boolean => {
        if (++keysShown === 3) resolve();
        return blob.equals(hostBlob);
      };
      call(unit.port, { limits: { rekeyMs: 20 }, acceptHostKey }).catch(reject);
    });
  });

  it('what was sent before closing arrives before the close, also when nobody listened yet', async () => {
    const unit = await Unit.start({
      onChannel: channel => {
        void channel.send(Buffer.from('one'));
        void channel.send(Buffer.from('two'));
        channel.close('that was all');
      },
    });
    const channel = await call(unit.port);
    const reason = await closed(channel);
    const received: string[] = [];
    channel.onFrame(payload => received.push(payload.toString()));
    assert.deepEqual(received, ['one', 'two']);
    assert.match(reason, /closed the/);
    assert.equal(await closed(channel), reason);
    await assert.rejects(channel.send(Buffer.from('three')), unreachable(reason));
  });

  it('its newest connection stays when it has too many', async () => {
    const unit = await Unit.start({ limits: { connectionsPerOwner: 2 } });
    const first = await call(unit.port);
    const second = await call(unit.port);
    const third = await call(unit.port);
    assert.match(await closed(first), /closed/);
    assert.equal((await converse(second, [Buffer.from('a')])).length, 1);
    assert.equal((await converse(third, [Buffer.from('b')])).length, 1);
  });

  it('a key that is taken away loses its open channels', async () => {
    const unit = await Unit.start();
    const channel = await call(unit.port);
    const { channel: guest } = await unit.guest();
    unit.listener.closeChannelsOf('somebody else');
    assert.equal((await converse(channel, [Buffer.from('still here')])).length, 1);
    unit.listener.closeChannelsOf('partner');
    assert.match(await closed(guest), /not admitted any more/);
    await closed(channel);
  });

  it('a port that is taken is named', async () => {
    const unit = await Unit.start();
    await assert.rejects(
      Unit.start({ port: unit.port }),
      error => error instanceof LockstepError && error.code === 'port-in-use',
    );
  });
});

describe('nobody else gets in', () => {
  it('a stranger with a key of his own: the log shows its fingerprint', async () => {
    const unit = await Unit.start();
    await assert.rejects(call(unit.port, { clientKey: STRANGER.private }), unreachable('login-refused'));
    const refusal = await unit.refused('key is not admitted');
    assert.deepEqual(refusal, {
      source: '127.0.0.1',
      reason: 'key is not admitted',
      detail: fingerprint(STRANGER.public),
    });
  });

  it("the partner's public key with a signature of another key, or a broken one", async () => {
    const stranger = parsed(STRANGER.private);
    const forgeries: ((data: Buffer) => Buffer)[] = [
      data => stranger.sign(data),
      data => flipped(parsed(PARTNER.private).sign(data)),
      data => parsed(PARTNER.private).sign(Buffer.concat([data, Buffer.from('x')])),
      () => Buffer.alloc(64),
      () => Buffer.alloc(0),
      () => Buffer.alloc(20_000),
    ];
    for (const forgery of forgeries) {
      const unit = await Unit.start();
      const key = parsed(PARTNER.private);
      key.sign = forgery;
      const offer = { type: 'publickey', username: 'x', key } as AuthMethod;
      await assert.rejects(attacker(unit.port, { authHandler: [offer] }));
      await unit.refused('wrong signature');
      assert.equal(unit.guests.length, 0);
    }
  });

  it('a key that was taken away between the question and the signature', async () => {
    let asked = 0;
    const unit = await Unit.start({ admit: () => (++asked === 1 ? 'partner' : undefined) });
    await assert.rejects(call(unit.port), unreachable('login-refused'));
    assert.equal(asked, 2);
  });

  it('password, keyboard-interactive and no method at all', async () => {
    const unit = await Unit.start();
    const login = attacker(unit.port, {
      password: 'bal',
      tryKeyboard: true,
      authHandler: ['none', 'password', 'keyboard-interactive'],
    });
    await assert.rejects(login, /authentication methods failed/);
    await unit.refused('password is not a way to log in');
    await unit.refused('keyboard-interactive is not a way to log in');
  });

  it('501 passwords: the connection ends after six', async () => {
    const unit = await Unit.start();
    let tries = 0;
    const login = attacker(unit.port, {
      authHandler: (_left, _partial, next) => {
        if (++tries > 501) throw new Error('all 501 were tried');
        next({ type: 'password', username: 'bal', password: `guess ${tries}` });
      },
    });
    await assert.rejects(login);
    await unit.refused('too many login attempts');
    assert.equal(tries, 7);
  });

  it('someone who asks for new session keys before logging in', async () => {
    const unit = await Unit.start();
    const client = new ssh2.Client();
    client.on('error', quiet).once('handshake', () => bare(client).rekey());
    const gone = once(client, 'close');
    client.connect({ host: '127.0.0.1', port: unit.port, username: 'x', authHandler: () => quiet });
    await gone;
    await unit.refused('asked for new keys before logging in');
  });
});

/** A deadline that passes in a test, and that a login on a busy machine meets. */
const SOON_MS = 1_500;

describe('a flood keeps nobody out and costs little', () => {
  it('a silent socket is dropped at the login deadline', async () => {
    const unit = await Unit.start({ limits: { loginMs: 50 } });
    await gone(rawSocket(unit.port));
    await unit.refused('did not log in in time');
  });

  it('an ident that drips in byte by byte is dropped at the login deadline', async () => {
    const unit = await Unit.start({ limits: { loginMs: 100 } });
    const socket = rawSocket(unit.port).resume();
    const drip = setInterval(() => socket.write('S'), 10);
    await gone(socket).finally(() => clearInterval(drip));
    await unit.refused('did not log in in time');
  });

  it('an endless ident is dropped before it is long', async () => {
    const unit = await Unit.start();
    const socket = rawSocket(unit.port).resume();
    const piece = Buffer.alloc(16 * 1_024, 'a');
    const pour = (): void => {
      while (!socket.destroyed && socket.write(piece));
    };
    socket.on('drain', pour).once('connect', pour);
    await gone(socket);
    assert.ok(unit.reasons.length > 0);
  });

  it('no deadline runs on once the channel is open', async () => {
    const unit = await Unit.start({ limits: { loginMs: SOON_MS } });
    const channel = await call(unit.port);
    await gone(rawSocket(unit.port));
    assert.equal((await converse(channel, [Buffer.from('still here')])).length, 1);
  });

  it('a login that opens no channel is dropped at the deadline too', async () => {
    const unit = await Unit.start({ limits: { loginMs: SOON_MS } });
    const client = await attacker(unit.port);
    await once(client, 'close');
    await unit.refused('did not log in in time');
  });

  it('2,000 idle sockets: the partner gets in at any time, and few of them stay', async () => {
    const unit = await Unit.start();
    let left = 2_000;
    const thinned = new Promise<void>(resolve => {
      const count = (): void => void (--left <= 16 && resolve());
      void (async () => {
        for (let wave = 0; wave < 10; wave++) {
          const idle = Array.from({ length: 200 }, () => rawSocket(unit.port));
          await Promise.all(idle.map(socket => once(socket, 'connect')));
          for (const socket of idle) void gone(socket).then(count);
          await converse(await call(unit.port), [Buffer.from('in')]);
        }
      })();
    });
    await unit.refused('too many logins at once');
    await thinned;
    assert.deepEqual([...new Set(unit.reasons)], ['too many logins at once']);
  });

  it('a flood from one address does not push out a slow login from another', async () => {
    const unit = await Unit.start();
    const slow = connect({ host: '127.0.0.1', port: unit.port, localAddress: '127.0.0.2' });
    slow.on('error', quiet);
    sockets.push(slow);
    await once(slow, 'data');
    const flooders = Array.from({ length: 100 }, () => rawSocket(unit.port));
    await Promise.all(flooders.map(socket => once(socket, 'connect')));
    assert.equal((await unit.refused('too many logins at once')).source, '127.0.0.1');
    await call(unit.port);
    assert.equal(slow.readyState, 'open');
    assert.ok(unit.refusals.every(({ source }) => source === '127.0.0.1'));
  });

  it('10,000 pings cost no memory, and the partner is served meanwhile', async () => {
    const unit = await Unit.start();
    const client = await attacker(unit.port);
    await subsystem(client);
    const channel = await call(unit.port);
    const before = process.memoryUsage().rss;
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 1_000; i++) bare(client).ping();
      assert.equal((await converse(channel, [Buffer.from('served')])).length, 1);
    }
    assert.ok(process.memoryUsage().rss - before < 100 * 1_024 * 1_024);
  });

  it('more pings than a partner has reason to send end the connection', async () => {
    const unit = await Unit.start({ limits: { noiseBytes: 100 * 1_024 } });
    const client = await attacker(unit.port);
    await subsystem(client);
    client.on('error', quiet);
    const { channel } = await unit.guest();
    for (let i = 0; i < 10_000; i++) bare(client).ping();
    assert.match(await closed(channel), /too much that is no frame/);
    await unit.refused('the other side sends too much that is no frame');
  });

  it('pings whose answers are never read end the connection', async () => {
    const limits = { socketBytes: 600 * 1_024, noiseBytes: Number.MAX_SAFE_INTEGER };
    const unit = await Unit.start({ onChannel: flood, limits });
    const client = await attacker(unit.port);
    // A window without end, so that frames fill what the kernel buffers, and the answers to pings come on top.
    widen(client, { window: 2 ** 32 - 1 });
    client.on('error', quiet);
    const ending = subsystem(client).then(stream => {
      (client as unknown as { _sock: Socket })._sock.pause();
      const pings = setInterval(() => {
        for (let i = 0; i < 1_000; i++) bare(client).ping();
      }, 1);
      stream.on('close', () => clearInterval(pings));
      return pings;
    });
    const { channel } = await unit.guest();
    assert.match(await closed(channel), /does not read/);
    clearInterval(await ending);
  });

  it('a peer that reads nothing is cut off at 4 MiB of unread frames', async () => {
    const unit = await Unit.start({ onChannel: quiet });
    const client = await attacker(unit.port);
    (await subsystem(client)).pause();
    const { channel } = await unit.guest();
    const sends = Array.from({ length: 20 }, () => channel.send(Buffer.alloc(1_024 * 1_024)));
    assert.match(await closed(channel), /does not read/);
    const outcomes = await Promise.allSettled(sends);
    assert.ok(outcomes.slice(4).every(({ status }) => status === 'rejected'));
  });

  it('a peer that ignores its window is cut off', async () => {
    const unit = await Unit.start({ onChannel: quiet });
    const stream = await subsystem(await attacker(unit.port));
    const { channel } = await unit.guest();
    (stream as unknown as { outgoing: { window: number } }).outgoing.window = Number.MAX_SAFE_INTEGER;
    const frame = encodeFrame(Buffer.alloc(32_000));
    for (let i = 0; i < 300; i++) stream.write(frame);
    assert.match(await closed(channel), /ignores its window/);
  });

  it('a peer that asks for packets of 0 bytes, which would make ssh2 loop for ever', async () => {
    const unit = await Unit.start();
    const client = await attacker(unit.port);
    widen(client, { packet: 0 });
    void subsystem(client).catch(quiet);
    await unit.refused('asked for packets that are too small');
    assert.equal(unit.guests.length, 0);
  });

  it('frames of length 0 and of 4 GB end the channel', async () => {
    for (const [length, reason] of [
      [0, /empty/],
      [0xffffffff, /larger than the limit/],
    ] as const) {
      const unit = await Unit.start();
      const stream = await subsystem(await attacker(unit.port));
      const { channel } = await unit.guest();
      const header = Buffer.alloc(4);
      header.writeUInt32BE(length);
      stream.write(header);
      assert.match(await closed(channel), reason);
    }
  });

  it('a second session and a second subsystem on one connection', async () => {
    const unit = await Unit.start();
    const client = await attacker(unit.port);
    await subsystem(client);
    await assert.rejects(subsystem(client));
    await unit.refused('a second session is refused');
  });
});

describe('calling the partner', () => {
  it('a changed host key is refused, its fingerprint shown, and no login is tried', async () => {
    const unit = await Unit.start({
      hostKey: STRANGER.private,
      admit: () => assert.fail('the key was shown to a stranger'),
    });
    await assert.rejects(call(unit.port), error => {
      assert.ok(error instanceof LockstepError);
      assert.equal(error.code, 'key-mismatch');
      assert.equal(error.facts.offered, fingerprint(STRANGER.public));
      return true;
    });
  });

  it('a host key that changes while keys are renewed ends the channel', async () => {
    const unit = await Unit.start();
    let shown = 0;
    const channel = await call(unit.port, { limits: { rekeyMs: 20 }, acceptHostKey: () => ++shown === 1 });
    await closed(channel);
    assert.equal(shown, 2);
  });

  it('nothing listens there', async () => {
    const { port, server } = await silentServer(quiet);
    await new Promise(resolve => server.close(resolve));
    await assert.rejects(call(port), unreachable('refused'));
  });

  it('it never says a word', async () => {
    const { port } = await silentServer(quiet);
    await assert.rejects(call(port, { timeoutMs: 50 }), unreachable('timeout'));
  });

  it('it hangs up at once, or after its first line', async () => {
    for (const first of ['', 'SSH-2.0-Lockstep\r\n']) {
      const { port } = await silentServer(socket => socket.end(first));
      await assert.rejects(call(port), unreachable('closed'));
    }
  });

  it('it speaks something else, or never stops', async () => {
    const http = await silentServer(socket => socket.write('HTTP/1.1 400 Bad Request\r\n\r\nSSH-1.0-x\r\n'));
    await assert.rejects(call(http.port), unreachable('protocol'));
    const endless = await silentServer(socket => {
      const pour = (): void => {
        while (socket.write(`${'a'.repeat(1_000)}\r\n`));
      };
      socket.on('drain', pour);
      pour();
    });
    await assert.rejects(call(endless.port), unreachable('protocol'));
  });

  it('it lets us in but speaks no Lockstep', async () => {
    const server = new ssh2.Server({ hostKeys: [HOST.private] }, connection => {
      connection.on('error', quiet);
      connection.on('authentication', login => login.accept());
      connection.on('session', accept => void accept());
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await assert.rejects(call(port), unreachable('no-subsystem'));
    await new Promise(resolve => server.close(resolve));
  });

  it('the caller does not wait any longer', async () => {
    const { port } = await silentServer(quiet);
    const controller = new AbortController();
    const waiting = assert.rejects(call(port, { signal: controller.signal }), unreachable('aborted'));
    controller.abort();
    await waiting;
    await assert.rejects(call(port, { signal: controller.signal }), unreachable('aborted'));
  });

  it('a cable that is cut ends the channel on both sides, and nothing else', async () => {
    const unit = await Unit.start();
    const proxy = await cuttable(unit.port);
    const channel = await call(proxy.port);
    const { channel: guest } = await unit.guest();
    const pending = channel.send(Buffer.alloc(8 * 1_024 * 1_024));
    const ended = Promise.all([closed(channel), closed(guest)]);
    proxy.cut();
    await ended;
    await assert.rejects(pending);
    await assert.rejects(guest.send(Buffer.from('anyone?')), LockstepError);
  });
});

describe("OpenSSH's client", () => {
  let keyFile: string;
  let strangerFile: string;

  before(function () {
    needs(this, 'ssh');
    keyFile = join(folder, 'partner');
    strangerFile = join(folder, 'stranger');
    writeFileSync(keyFile, PARTNER.private, { mode: 0o600 });
    writeFileSync(strangerFile, STRANGER.private, { mode: 0o600 });
  });

  /** Options that hold for ssh, scp and sftp alike; nothing of the user's own files plays a part. */
  function base(port: number, key = keyFile): string[] {
    const known = join(folder, `known-${port}`);
    writeFileSync(known, `[127.0.0.1]:${port} ${HOST.public}\n`);
    const settings = {
      UserKnownHostsFile: known,
      GlobalKnownHostsFile: '/dev/null',
      StrictHostKeyChecking: 'yes',
      IdentitiesOnly: 'yes',
      IdentityFile: key,
      BatchMode: 'yes',
      Port: port,
      User: 'lockstep',
    };
    return [
      '-F',
      '/dev/null',
      ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]),
    ];
  }

  it('with the right key exchanges frames over the subsystem', async () => {
    const unit = await Unit.start();
    const ssh = start('ssh', [...base(unit.port), '-s', '127.0.0.1', 'lockstep']);
    const frame = encodeFrame(Buffer.from('{"from":"OpenSSH"}'));
    ssh.stdin?.write(frame);
    const [answer] = (await once(ssh.stdout ?? assert.fail(), 'data')) as [Buffer];
    assert.deepEqual(answer, frame);
  });

  it('with another key is refused', async () => {
    const unit = await Unit.start();
    const { code, stderr } = await run('ssh', [
      ...base(unit.port, strangerFile),
      '-s',
      '127.0.0.1',
      'lockstep',
    ]);
    assert.equal(code, 255);
    assert.match(stderr, /Permission denied \(publickey\)/);
    await unit.refused('key is not admitted');
  });

  it('with a key of another kind is refused', async () => {
    const unit = await Unit.start({ admit: () => 'anybody' });
    const ecdsa = join(folder, 'ecdsa');
    await run('ssh-keygen', ['-q', '-t', 'ecdsa', '-N', '', '-f', ecdsa]);
    const { code } = await run('ssh', [...base(unit.port, ecdsa), '-s', '127.0.0.1', 'lockstep']);
    assert.equal(code, 255);
    await unit.refused('key is not Ed25519');
  });

  const refusals: { what: string; program?: string; args: string[]; reason: string }[] = [
    { what: 'a shell', args: ['-T', '127.0.0.1'], reason: 'shell is refused' },
    { what: 'a command', args: ['127.0.0.1', 'id'], reason: 'exec is refused' },
    { what: 'a terminal', args: ['-tt', '127.0.0.1'], reason: 'pty is refused' },
    {
      what: 'environment variables',
      args: ['-o', 'SetEnv=LD_PRELOAD=/tmp/x', '127.0.0.1', 'id'],
      reason: 'env is refused',
    },
    { what: 'sftp', program: 'sftp', args: ['127.0.0.1'], reason: 'sftp is refused' },
    { what: 'scp', program: 'scp', args: ['127.0.0.1:/etc/passwd', '/dev/null'], reason: 'sftp is refused' },
    {
      what: 'the old scp',
      program: 'scp',
      args: ['-O', '127.0.0.1:/etc/passwd', '/dev/null'],
      reason: 'exec is refused',
    },
    {
      what: 'another subsystem',
      args: ['-s', '127.0.0.1', 'netconf'],
      reason: 'another subsystem is refused',
    },
    {
      what: '-W (stdio to a port)',
      args: ['-W', '127.0.0.1:22', '127.0.0.1'],
      reason: 'direct-tcpip is refused',
    },
    {
      what: '-R (a port of ours)',
      args: ['-N', '-o', 'ExitOnForwardFailure=yes', '-R', '0:127.0.0.1:22', '127.0.0.1'],
      reason: 'tcpip-forward is refused',
    },
    {
      what: '-R (a Unix socket of ours)',
      args: ['-N', '-o', 'ExitOnForwardFailure=yes', '-R', '/tmp/lockstep-r:127.0.0.1:22', '127.0.0.1'],
      reason: 'streamlocal-forward@openssh.com is refused',
    },
    { what: '-X (X11)', args: ['-Y', '127.0.0.1', 'id'], reason: 'x11 is refused' },
    { what: '-A (the agent)', args: ['-A', '127.0.0.1', 'id'], reason: 'auth-agent is refused' },
  ];

  for (const { what, program = 'ssh', args, reason } of refusals) {
    it(`is refused ${what}`, async () => {
      const unit = await Unit.start();
      const agent = await deafAgent();
      const env = { DISPLAY: '127.0.0.1:99', SSH_AUTH_SOCK: agent };
      const { code, stdout } = await run(program, [...base(unit.port), ...args], env);
      assert.notEqual(code, 0);
      assert.equal(stdout.replace(/^sftp> /, ''), '');
      await unit.refused(reason);
      assert.equal(unit.guests.length, 0);
    });
  }

  for (const [what, target, reason] of [
    ['-L (a port behind us)', '127.0.0.1:22', 'direct-tcpip is refused'],
    ['-L (a Unix socket behind us)', '/run/dbus/system_bus_socket', 'direct-streamlocal is refused'],
  ] as const) {
    it(`is refused ${what}`, async () => {
      const unit = await Unit.start();
      const local = join(folder, `forward-${unit.port}`);
      const ssh = start('ssh', [...base(unit.port), '-v', '-N', '-L', `${local}:${target}`, '127.0.0.1']);
      await printed(ssh, /Entering interactive session|pledge:/);
      const through = connect({ path: local });
      through.on('error', quiet);
      sockets.push(through);
      await gone(through);
      await unit.refused(reason);
    });
  }

  async function deafAgent(): Promise<string> {
    const path = join(folder, `agent-${randomBytes(4).toString('hex')}`);
    // SSH_AGENT_FAILURE to every question: the client only has to believe that there is an agent.
    const server = createServer(socket =>
      socket.on('error', quiet).on('data', () => socket.write('\0\0\0\x01\x05')),
    );
    await new Promise<void>(resolve => server.listen(path, resolve));
    sockets.push({ destroy: () => server.close() });
    return path;
  }
});

describe("OpenSSH's server", () => {
  let sshd: { port: number; child: ChildProcess };

  before(async function () {
    needs(this, 'sshd');
    sshd = await startSshd();
  });
  after(() => sshd && stop(sshd.child));

  it('takes our login, and our frames come back through its subsystem', async () => {
    const channel = await call(sshd.port, { user: userInfo().username });
    const payloads = [Buffer.from('{}'), randomBytes(100_000), randomBytes(3_000_000)];
    assert.deepEqual(await converse(channel, payloads), payloads);
  });

  it('renews session keys with us', async () => {
    let keysShown = 0;
    const channel = await call(sshd.port, {
      user: userInfo().username,
      limits: { rekeyBytes: 256 * 1_024 },
      acceptHostKey: blob => ++keysShown > 0 && blob.equals(hostBlob),
    });
    const payloads = Array.from({ length: 20 }, () => randomBytes(100_000));
    assert.deepEqual(await converse(channel, payloads), payloads);
    assert.ok(keysShown > 3, `${keysShown} key exchanges`);
  });

  it('refuses another key of ours, and we say so', async () => {
    const login = call(sshd.port, { user: userInfo().username, clientKey: STRANGER.private });
    await assert.rejects(login, unreachable('login-refused'));
  });

  it('is refused with another host key', async () => {
    const login = call(sshd.port, { user: userInfo().username, acceptHostKey: () => false });
    await assert.rejects(login, error => error instanceof LockstepError && error.code === 'key-mismatch');
  });
});

const SSHD = '/usr/sbin/sshd';

async function startSshd(): Promise<{ port: number; child: ChildProcess }> {
  const { port, server } = await silentServer(quiet);
  await new Promise(resolve => server.close(resolve));
  const file = (name: string, content: string): string => {
    const path = join(folder, `sshd-${name}`);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  const config = file(
    'config',
    [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${file('host', HOST.private)}`,
      `AuthorizedKeysFile ${file('authorized', `${PARTNER.public}\n`)}`,
      'PidFile none',
      'UsePAM no',
      'StrictModes no',
      'PermitRootLogin yes',
      'Subsystem lockstep /bin/cat',
    ].join('\n'),
  );
  // Where the system has never started its own sshd, the folder that sshd insists on is not there yet.
  if (userInfo().uid === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const child = spawn(SSHD, ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
  await printed(child, /Server listening/);
  return { port, child };
}

function parsed(privateKey: string): Exclude<ReturnType<typeof ssh2.utils.parseKey>, Error> {
  const key = ssh2.utils.parseKey(privateKey);
  if (key instanceof Error) throw key;
  return key;
}

function flipped(signature: Buffer): Buffer {
  const wrong = Buffer.from(signature);
  wrong.writeUInt8(wrong.readUInt8(10) ^ 1, 10);
  return wrong;
}

async function silentServer(onSocket: (socket: Socket) => void): Promise<{ port: number; server: Server }> {
  const server = createServer(socket => {
    socket.on('error', quiet);
    sockets.push(socket);
    onSocket(socket);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  sockets.push({ destroy: () => server.close() });
  return { port: (server.address() as { port: number }).port, server };
}

/** A wire to `port` that can be cut: both ends get a reset. */
async function cuttable(port: number): Promise<{ port: number; cut(): void }> {
  const ends: Socket[] = [];
  const proxy = await silentServer(socket => {
    const onward = connect({ host: '127.0.0.1', port });
    onward.on('error', quiet);
    socket.pipe(onward).pipe(socket);
    ends.push(socket, onward);
  });
  return {
    port: proxy.port,
    cut: () => {
      for (const end of ends) end.resetAndDestroy();
    },
  };
}

function start(program: string, args: string[]): ChildProcess {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin?.on('error', quiet);
  children.push(child);
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}

/** Waits until the program wrote it to its standard error. */
async function printed(child: ChildProcess, what: RegExp): Promise<void> {
  let text = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', chunk => {
      text += chunk;
      if (what.test(text)) resolve();
    });
    child.once('exit', () => reject(new Error(`ended before it printed ${what}: ${text}`)));
  });
}

async function run(
  program: string,
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise(resolve => {
    const options = { env: { ...process.env, ...env }, timeout: 5_000 };
    const child = execFile(program, args, options, (_error, stdout, stderr) => {
      resolve({ code: child.exitCode, stdout, stderr });
    });
    child.stdin?.on('error', quiet).end();
  });
}
