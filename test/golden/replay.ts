/** A recorded conversation, held again with a unit of today on one side. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Client, ClientChannel } from 'ssh2';
import { encodeFrame } from '../../sync/ssh/frame.ts';
import { type TestUnit, until } from '../e2e/daemon.ts';
import { asThen, lasting, PLACES, type Recorded, type Turn, type Typed, type UnitName } from './golden.ts';
import { saidAgain } from './story.ts';
import { call, Listener, onMessages } from './wire.ts';

type Message = Record<string, unknown>;

/** Answers that tell of this machine and moment: only that one comes is compared. */
const OF_THE_MOMENT = ['facts'];

const frame = (message: Message): Buffer => encodeFrame(Buffer.from(JSON.stringify(message)));
const keyOf = (unit: TestUnit, name: string): string =>
  readFileSync(path.join(unit.dir, 'keys', name), 'utf8');
const other = (unit: UnitName): UnitName => (unit === 'ha1' ? 'ha2' : 'ha1');

/** Every recorded question goes to `answerer`, in the name of `asking`, whose daemon does not run. */
export async function askAgain(
  { asker, turns }: Recorded,
  asking: TestUnit,
  answerer: TestUnit,
): Promise<number> {
  const lines = new Map<number, Line>();
  let compared = 0;
  try {
    for (const turn of turns) {
      if ('typed' in turn) continue;
      const line = lines.get(turn.line) ?? (await Line.open(answerer, asking));
      lines.set(turn.line, line);
      if ('request' in turn) line.say(turn.request);
      else {
        compare(await line.reply(turn.reply.re as number), turn.reply, `the answer to ${asker}`);
        compared++;
      }
    }
    return compared;
  } finally {
    for (const line of lines.values()) line.close();
  }
}

/** One connection to a unit. */
class Line {
  private readonly client: Client;
  private readonly stream: ClientChannel;
  private readonly heard = new Map<unknown, Message>();
  private wake: () => void = () => undefined;
  private closed = false;

  static async open(answerer: TestUnit, asking: TestUnit): Promise<Line> {
    const place = { address: answerer.listen, port: 6973 };
    const { client, stream } = await call(place, keyOf(asking, 'client_ed25519'), asking.listen);
    return new Line(client, stream);
  }

  private constructor(client: Client, stream: ClientChannel) {
    this.client = client;
    this.stream = stream;
    onMessages<Message>(stream, reply => {
      this.heard.set(reply.re, reply);
      this.wake();
    });
    stream.on('close', () => {
      this.closed = true;
      this.wake();
    });
  }

  say(request: Message): void {
    this.stream.write(frame(request));
  }

  async reply(to: number): Promise<Message> {
    for (;;) {
      const reply = this.heard.get(to);
      if (reply !== undefined) return reply;
      assert.equal(this.closed, false, `the unit hung up before it answered request ${to}`);
      await new Promise<void>(resolve => {
        this.wake = resolve;
      });
    }
  }

  close(): void {
    this.client.end();
  }
}

function compare(now: Message, then: Message, what: string): void {
  assert.equal(now.type, then.type, what);
  if (OF_THE_MOMENT.includes(String(then.type))) return;
  const [today, recorded] = [lasting(now), lasting(then)];
  assert.deepEqual(asThen(today, recorded), recorded, `${what}, ${String(then.type)}`);
}

/** Questions that a unit may ask at any time, or of which a later one may ask more. */
const AT_ANY_TIME = ['hello', 'audit', 'examine'];

interface Exchange {
  request: Message;
  reply: Message | undefined;
}

/**
 * What was typed then is typed again on `asking`, a unit of today, while the recorded answers come from its partner.
 * Whatever changes something must be asked with the very same fields and values: an older unit takes no others.
 */
export async function answerAgain(
  { asker, turns }: Recorded,
  asking: TestUnit,
  answerer: TestUnit,
  start: () => Promise<unknown>,
): Promise<number> {
  const steps = stepsOf(turns);
  const exchanges = steps.filter(step => 'request' in step);
  let next = 0;
  const wrong: string[] = [];

  const answer = (request: Message): Message | undefined => {
    if (request.type === 'hello') return greeting(request);
    if (changesNothing(request)) {
      const { target: digest, revision } = request;
      return { type: 'receipt', result: 'already-applied', digest, revision };
    }
    const ahead = exchanges.slice(next).findIndex(isRequired);
    const expected = ahead < 0 ? undefined : exchanges[next + ahead];
    if (expected === undefined || expected.request.type !== request.type) {
      const known = exchanges.find(({ request: then }) => same(request, then));
      if (AT_ANY_TIME.includes(String(request.type)))
        return known?.reply ?? { type: 'error', error: { code: 'bad-message', message: 'not recorded' } };
      wrong.push(`${String(request.type)} was asked, and ${String(expected?.request.type)} was recorded`);
      return undefined;
    }
    try {
      assert.deepEqual(lasting(request), lasting(expected.request));
    } catch (error) {
      wrong.push(String(error));
    }
    next += ahead + 1;
    return expected.reply;
  };
  const greeting = (request: Message): Message => {
    const end = exchanges.findIndex((exchange, index) => index >= next && isRequired(exchange));
    const said = whatWasSaid(exchanges.slice(0, end < 0 ? undefined : end));
    return { ...said, schemaDigest: request.schemaDigest, release: request.release, clock: Date.now() };
  };

  const place = PLACES[other(asker)];
  const listener = await Listener.open(place, keyOf(answerer, 'host_ed25519'), stream =>
    onMessages<Message>(stream, request => {
      const reply = answer(request);
      if (reply !== undefined) stream.write(frame({ ...reply, re: request.id }));
    }),
  );
  const caughtUp = async (index: number): Promise<void> => {
    const before = steps.slice(0, index).filter(step => 'request' in step && isRequired(step)).length;
    const asked = (): number => exchanges.slice(0, next).filter(isRequired).length;
    await until(
      'what was asked then is asked again',
      async () => wrong.length > 0 || asked() >= before,
      20_000,
      async () => JSON.stringify((await asking.status()).sync),
    );
    assert.deepEqual(wrong, []);
  };
  try {
    await start();
    for (const [index, step] of steps.entries()) {
      if (!('typed' in step)) continue;
      await caughtUp(index);
      await until(`it says ${step.state}`, async () => (await asking.status()).sync.state === step.state);
      if (step.typed[0] === 'merge')
        await until('the branch is there', async () => (await asking.status()).branches.length > 0);
      await saidAgain(asking, step.typed);
    }
    await caughtUp(steps.length);
    return next;
  } finally {
    await listener.close();
  }
}

/** What the recorded partner would say of itself after all this. */
function whatWasSaid(exchanges: Exchange[]): Message {
  let said: Message = {};
  for (const { request, reply } of exchanges) {
    if (reply?.type === 'hello-too') said = reply;
    if (reply?.type === 'receipt') {
      const { digest, revision } = reply;
      said = { ...said, digest, revision, common: digest, established: true, epoch: request.epoch };
    }
    if (reply?.type === 'stepped-down')
      said = { ...said, role: 'standby', epoch: reply.epoch, digest: reply.digest };
  }
  return said;
}

function isRequired({ request }: Exchange): boolean {
  return !AT_ANY_TIME.includes(String(request.type)) && !changesNothing(request);
}

/** How often the active unit asks for one more receipt for what the other holds is a matter of time. */
function changesNothing({ type, base, target }: Message): boolean {
  return type === 'update' && base === target;
}

function same(request: Message, then: Message): boolean {
  try {
    assert.deepEqual(lasting(request), lasting(then));
    return true;
  } catch {
    return false;
  }
}

function stepsOf(turns: Turn[]): (Typed | Exchange)[] {
  const steps: (Typed | (Exchange & { line: number }))[] = [];
  for (const turn of turns) {
    if ('typed' in turn) steps.push(turn);
    else if ('request' in turn) steps.push({ line: turn.line, request: turn.request, reply: undefined });
    else {
      const asked = steps.find(
        step => 'request' in step && step.line === turn.line && step.request.id === turn.reply.re,
      );
      if (asked !== undefined && 'request' in asked) asked.reply = turn.reply;
    }
  }
  return steps;
}
