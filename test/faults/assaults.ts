/** Floods against a running daemon, by real peers: raw sockets and SSH clients that do what ours never does. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import ssh2, { type Client, type ClientChannel } from 'ssh2';
import { encodeMessage, MAX_NODES } from '../../sync/message-format.ts';
import { encodeFrame, MAX_FRAME_BYTES } from '../../sync/ssh/frame.ts';
import { generateKeyPair } from '../../sync/ssh/keys.ts';
import type { Impostor } from '../e2e/impostor.ts';

export interface Assault {
  name: string;
  tries: number;
  /** Ends by itself once `tries` were made, whatever the victim does about them. */
  act(impostor: Impostor, tries: number): Promise<void>;
  /** How many refusals the victim must have counted at least. */
  refusals(tries: number): number;
}

interface Target {
  host: string;
  port: number;
}

/** How many of a wave are under way at once. */
const WAVE = 200;
/** Messages after which the victim has to answer a question, so that they do not pile up on our side. */
const ROUND = 1_000;
const ATTEMPTS_PER_LOGIN = 6;
export const ASSAULTS: Assault[] = [
  {
    name: 'idle sockets',
    tries: 2_000,
    act: ({ partner }, tries) => idleSockets(partner, tries),
    refusals: tries => tries - 16,
  },
  {
    name: 'endless first lines',
    tries: 200,
    act: ({ partner }, tries) => endlessIdents(partner, tries),
    refusals: tries => tries,
  },
  {
    name: 'login attempts with wrong passwords and keys',
    tries: 501,
    act: ({ partner }, tries) => loginAttempts(partner, tries),
    refusals: tries => tries,
  },
  {
    name: 'pings',
    tries: 1_000_000,
    act: async (impostor, tries) => {
      for (let sent = 0; sent < tries; ) sent += await pingsOnce(impostor, tries - sent);
    },
    refusals: tries => Math.floor(tries / 50_000),
  },
  {
    name: 'peers that ignore their window',
    tries: 50,
    act: ignoredWindows,
    refusals: tries => tries,
  },
  {
    name: 'peers that never read the answers',
    tries: 50,
    act: unreadAnswers,
    refusals: tries => tries,
  },
];

/** They stay open until all are there, as far as the victim lets them. */
async function idleSockets(target: Target, tries: number): Promise<void> {
  const sockets: Socket[] = [];
  try {
    for (let opened = 0; opened < tries; opened += WAVE) {
      const wave = Array.from({ length: Math.min(WAVE, tries - opened) }, () => rawSocket(target));
      sockets.push(...wave);
      await Promise.all(wave.map(socket => once(socket, 'connect')));
    }
    const open = sockets.filter(socket => !socket.closed);
    // Of the last ones, as many stay as may log in at once.
    await Promise.all(open.slice(0, -16).map(ended));
  } finally {
    for (const socket of sockets) socket.destroy();
  }
}

async function endlessIdents(target: Target, tries: number): Promise<void> {
  const piece = Buffer.alloc(16 * 1024, 'a');
  for (let tried = 0; tried < tries; tried++) {
    const socket = rawSocket(target);
    const over = ended(socket);
    const pour = (): void => {
      while (!socket.destroyed && socket.write(piece));
    };
    socket.on('drain', pour).once('connect', pour);
    await over;
  }
}

/** As many on one connection as the victim takes, every second one with a key of nobody. */
async function loginAttempts({ host, port }: Target, tries: number): Promise<void> {
  const stranger = generateKeyPair('stranger').private;
  let tried = 0;
  while (tried < tries) {
    const most = Math.min(tries, tried + ATTEMPTS_PER_LOGIN);
    const client = new ssh2.Client();
    const over = new Promise<void>(resolve => client.once('close', () => resolve()));
    client.on('error', () => undefined);
    client.once('ready', () => client.emit('error', new Error('let in')));
    client.connect({
      host,
      port,
      username: 'lockstep',
      readyTimeout: 20_000,
      authHandler: (_left, _partial, next) => {
        if (tried >= most) return next(false as never);
        next(
          tried++ % 2 === 0
            ? { type: 'password', username: 'bal', password: `guess ${tried}` }
            : { type: 'publickey', username: 'bal', key: stranger },
        );
      },
    });
    await over;
  }
}

/** Keepalives (which want an answer), ignored and debug messages in turn, for as long as the victim takes them. */
async function pingsOnce(impostor: Impostor, tries: number): Promise<number> {
  const { client, stream, closed } = await impostor.raw();
  const question = encodeFrame(encodeMessage({ type: 'hello', id: 1, ...(await impostor.hello()) }));
  const kinds = [
    () => inside(client).ping(),
    () => sendBare(client, Buffer.from([2, 0, 0, 0, 4, 1, 2, 3, 4])),
    () => sendBare(client, Buffer.from([4, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
  ];
  let over = false;
  void closed.then(() => {
    over = true;
  });
  let sent = 0;
  for (; sent < tries && !over; sent += ROUND) {
    for (let i = 0; i < Math.min(ROUND, tries - sent); i++) kinds[i % kinds.length]?.();
    const answered = once(stream, 'data');
    stream.write(question);
    await Promise.race([answered, closed]);
  }
  client.end();
  return sent;
}

/** Two of the largest frames, each larger than the window, with nothing in them, at once. */
async function ignoredWindows(impostor: Impostor, tries: number): Promise<void> {
  const frame = encodeFrame(Buffer.alloc(MAX_FRAME_BYTES, ' '));
  for (let tried = 0; tried < tries; tried++) {
    const { client, stream, closed } = await impostor.raw();
    openWindow(stream);
    stream.write(frame);
    stream.write(frame);
    await closed;
    client.destroy();
  }
}

/** Asks and pings for as long as the victim takes it, and reads nothing of the answers. */
async function unreadAnswers(impostor: Impostor, tries: number): Promise<void> {
  const nodes = Array.from({ length: MAX_NODES }, (_, index): [number, number] => [2, index]);
  const question = encodeFrame(encodeMessage({ type: 'compare', id: 2, nodes }));
  for (let tried = 0; tried < tries; tried++) {
    const { client, stream, closed } = await impostor.raw();
    openWindow(stream);
    stream.write(encodeFrame(encodeMessage({ type: 'hello', id: 1, ...(await impostor.hello()) })));
    const socket = socketOf(client).pause();
    let asking = true;
    const ask = (): void => {
      if (!asking) return;
      if (socket.writableLength < 256 * 1024) {
        for (let i = 0; i < 100; i++) stream.write(question);
        for (let i = 0; i < ROUND; i++) inside(client).ping();
      }
      setTimeout(ask);
    };
    ask();
    await closed;
    asking = false;
  }
}

/** It may be sent as if the victim had granted any amount. */
function openWindow(stream: ClientChannel): void {
  (stream as unknown as { outgoing: { window: number } }).outgoing.window = Number.MAX_SAFE_INTEGER;
}

function rawSocket({ host, port }: Target): Socket {
  return connect({ host, port })
    .on('error', () => undefined)
    .resume();
}

/** However it ends. */
async function ended(socket: Socket): Promise<void> {
  if (!socket.closed) await new Promise<void>(resolve => socket.once('close', () => resolve()));
}

interface Inside {
  ping(): void;
  _cipher: { encrypt(packet: Buffer): void };
  _packetRW: {
    write: { allocStart: number; alloc(bytes: number): Buffer; finalize(packet: Buffer): Buffer };
  };
}

/** ssh2's own protocol object, for messages that its client never sends. */
function inside(client: Client): Inside {
  return (client as unknown as { _protocol: Inside })._protocol;
}

function socketOf(client: Client): Socket {
  return (client as unknown as { _sock: Socket })._sock;
}

function sendBare(client: Client, message: Buffer): void {
  const { _packetRW, _cipher } = inside(client);
  const packet = _packetRW.write.alloc(message.length);
  packet.set(message, _packetRW.write.allocStart);
  _cipher.encrypt(_packetRW.write.finalize(packet));
}
