import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A way to a port of loopback that stops, whenever it is told to, after so many bytes: nothing after them arrives. */
export class Gate {
  readonly port: number;
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private most = Number.POSITIVE_INFINITY;
  private onHeld: () => void = () => undefined;

  private constructor(server: Server, to: number) {
    this.server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', socket => this.pass(socket, connect(to, '127.0.0.1')));
  }

  static async open(to: number): Promise<Gate> {
    const server = createServer({ pauseOnConnect: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Gate(server, to);
  }

  /** The next connections stop after `bytes`; resolves when one has. */
  holdAfter(bytes: number): Promise<void> {
    this.most = bytes;
    return new Promise(resolve => {
      this.onHeld = resolve;
    });
  }

  /** What is connected breaks off; what comes next passes whole. */
  release(): void {
    this.most = Number.POSITIVE_INFINITY;
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.release();
    this.server.close();
    await once(this.server, 'close');
  }

  private pass(from: Socket, to: Socket): void {
    let left = this.most;
    for (const [socket, other] of [
      [from, to],
      [to, from],
    ] as const) {
      this.sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.sockets.delete(socket);
        other.destroy();
      });
    }
    to.pipe(from);
    from.on('data', chunk => {
      if (left > 0) to.write(chunk.subarray(0, left));
      left -= chunk.length;
      if (left > 0) return;
      from.pause();
      this.onHeld();
    });
    from.resume();
  }
}
