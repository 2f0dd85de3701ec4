/** Both ends of the wire between two units, in the hands of a test that has the keys of both. */
import { createServer, type Server, type Socket } from 'node:net';
import ssh2, { type Client, type ServerChannel } from 'ssh2';
import { FrameDecoder } from '../../sync/ssh/frame.ts';

const SUBSYSTEM = 'lockstep';

export interface Place {
  address: string;
  port: number;
}

/** Somebody who listens where a unit would, and shows its host key. */
export class Listener {
  private readonly sockets = new Set<Socket>();
  private door: Server | undefined;

  /** `onStream` gets every subsystem that is opened, and whoever opened it is let in whatever the key. */
  static open(place: Place, hostKey: string, onStream: (stream: ServerChannel) => void): Promise<Listener> {
    const server = new ssh2.Server({ hostKeys: [hostKey] });
    const listener = new Listener();
    server.on('connection', client => {
      client
        .on('error', () => undefined)
        .on('authentication', login => (login.method === 'publickey' ? login.accept() : login.reject()))
        .on('session', accept =>
          accept().on('subsystem', (take, refuse, { name }) => {
            if (name !== SUBSYSTEM) return refuse?.();
            const stream = take();
            stream.on('error', () => undefined);
            onStream(stream);
          }),
        );
    });
    const door = createServer({ noDelay: true }, socket => {
      listener.sockets.add(socket);
      socket.on('close', () => listener.sockets.delete(socket));
      server.injectSocket(socket);
    });
    listener.door = door;
    return new Promise((resolve, reject) => {
      door.once('error', reject);
      door.listen(place.port, place.address, () => resolve(listener));
    });
  }

  close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    return new Promise(resolve => this.door?.close(() => resolve()));
  }
}

/** Calls a unit as its partner; `from`: the address that the partner has. */
export function call(
  place: Place,
  clientKey: string,
  from: string,
): Promise<{ client: Client; stream: ssh2.ClientChannel }> {
  const client = new ssh2.Client();
  return new Promise((resolve, reject) => {
    client
      .on('error', reject)
      .once('ready', () =>
        client.subsys(SUBSYSTEM, (error, stream) => {
          if (error) return reject(error);
          client.removeAllListeners('error').on('error', () => undefined);
          stream.on('error', () => undefined);
          resolve({ client, stream });
        }),
      )
      .connect({
        host: place.address,
        port: place.port,
        localAddress: from,
        username: 'lockstep',
        privateKey: clientKey,
        readyTimeout: 20_000,
      });
  });
}

/** Every message that arrives on a stream. */
export function onMessages<Message>(
  stream: NodeJS.ReadableStream,
  hear: (message: Message, payload: Buffer) => void,
): void {
  const decoder = new FrameDecoder();
  stream.on('data', (bytes: Buffer) => {
    for (const payload of decoder.push(bytes)) hear(JSON.parse(payload.toString('utf8')) as Message, payload);
  });
}
