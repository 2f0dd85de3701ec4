import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { LockstepError } from '../../schema/error.ts';
import { endWhenSilent } from '../body-silence.ts';
import type { Asking } from '../contract/method.ts';
import type { Operator, ServeOperator } from '../contract/roles.ts';
import { Turns } from '../turns.ts';
import type { Door } from './door.ts';

/** So that no operator has the name of a user of this machine. */
export function operatorAuthor(name: string): string {
  return `operator:${name}`;
}

/** Channels of operators, over SSH: they, whatever a header says, and what their role says. */
export class OperatorDoor implements Door {
  /** Streams, and whether a request on them is being answered. */
  readonly #streams = new WeakMap<object, { operator: Operator; busy: boolean }>();
  readonly #turns = new Turns();
  readonly #server: Server;

  constructor(server: Server) {
    this.#server = server;
  }

  readonly serve: ServeOperator = (stream, operator) => {
    this.#streams.set(stream, { operator, busy: false });
    stream.on('error', () => undefined); // the end of the connection is all that there is to say
    this.#server.emit('connection', stream);
  };

  whoAsks(connection: object): Asking | undefined {
    const operator = this.#streams.get(connection)?.operator;
    return operator && { author: operatorAuthor(operator.name), role: operator.role };
  }

  /** Each answer is made at once, so thousands of questions in one breath would fill the memory. */
  begin(request: IncomingMessage, heavy: boolean): void {
    const stream = this.#streams.get(request.socket);
    if (stream === undefined) return;
    if (stream.busy) {
      request.socket.destroy();
      throw new LockstepError('bad-usage', 'One request at a time: open another channel for the next.');
    }
    stream.busy = true;
    if (!heavy) endWhenSilent(request);
  }

  /** From here on the stream holds the next question back until this answer is taken. */
  answered({ socket }: IncomingMessage): void {
    const stream = this.#streams.get(socket);
    if (stream !== undefined) stream.busy = false;
  }

  /** Before the body of a heavy request is read, and until the answer is taken: both are held in memory. */
  async awaitTurn(request: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { socket } = request;
    const stream = this.#streams.get(socket);
    if (stream === undefined) return;
    const endTurn = await this.#turns.take(stream.operator.name);
    const end = (): void => {
      answer.off('close', end);
      socket.off('close', end);
      endTurn();
    };
    if (socket.destroyed) return endTurn();
    answer.once('close', end);
    socket.once('close', end);
    endWhenSilent(request);
  }
}
