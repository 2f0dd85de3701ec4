import { readFileSync } from 'node:fs';
import path from 'node:path';
import ssh2, { type Client, type ClientChannel } from 'ssh2';
import type { Channel } from '../../sync/channel.ts';
import { type Hello, PROTOCOL, type Reply, type Request } from '../../sync/message.ts';
import { encodeMessage, parseReply } from '../../sync/message-format.ts';
import type { Partner } from '../../sync/pairing.ts';
import { dial } from '../../sync/ssh/client.ts';
import { publicBlob } from '../../sync/ssh/keys.ts';
import type { TestUnit } from './daemon.ts';

/** Somebody who has the keys of a unit, and speaks to its partner in its name. */
export class Impostor {
  readonly victim: TestUnit;
  private readonly keys: string;
  readonly partner: Partner;

  /** `robbed`: whose keys they are; its daemon need not run. */
  constructor(robbed: TestUnit, victim: TestUnit) {
    this.victim = victim;
    this.keys = path.join(robbed.dir, 'keys');
    this.partner = JSON.parse(readFileSync(path.join(this.keys, 'partner.json'), 'utf8')) as Partner;
  }

  get clientKey(): string {
    return readFileSync(path.join(this.keys, 'client_ed25519'), 'utf8');
  }

  /** What the robbed unit would say of itself as the active one. */
  async hello(more: Partial<Hello> = {}): Promise<Hello> {
    const { unit } = await this.victim.status();
    const { digest, epoch, release, model, schemaDigest } = unit;
    return {
      protocol: PROTOCOL,
      pairId: this.partner.pairId,
      unitId: 'unit',
      name: 'impostor',
      mode: unit.mode === 'first' ? 'second' : 'first',
      role: 'active',
      store: 'robbed',
      epoch,
      revision: 1,
      digest,
      release,
      model,
      schemaDigest,
      established: true,
      common: digest,
      clock: Date.now(),
      paused: false,
      unconfirmed: false,
      branches: [],
      heldBack: 0,
      provisional: '',
      ...more,
    };
  }

  async call(): Promise<Conversation> {
    const { hostKey, host, port } = this.partner;
    const channel = await dial({
      host,
      port,
      clientKey: this.clientKey,
      acceptHostKey: blob => blob.equals(publicBlob(hostKey)),
      timeoutMs: 10_000,
    });
    return new Conversation(channel);
  }

  /** A client that does what ours never does: logged in, the subsystem open. */
  async raw(): Promise<{ client: Client; stream: ClientChannel; closed: Promise<void> }> {
    const { host, port } = this.partner;
    const client = new ssh2.Client();
    const closed = new Promise<void>(resolve => client.once('close', () => resolve()));
    const stream = await new Promise<ClientChannel>((resolve, reject) => {
      client
        .on('error', reject)
        .once('ready', () =>
          client.subsys('lockstep', (error, opened) => (error ? reject(error) : resolve(opened))),
        );
      client.connect({ host, port, username: 'lockstep', privateKey: this.clientKey, readyTimeout: 10_000 });
    });
    client.removeAllListeners('error').on('error', () => undefined);
    stream.on('error', () => undefined);
    return { client, stream, closed };
  }
}

/** One channel to the victim: says whatever it is told to, and hears what comes back. */
export class Conversation {
  readonly closed: Promise<string>;
  private readonly channel: Channel;
  private readonly waiting: ((reply: Reply) => void)[] = [];

  constructor(channel: Channel) {
    this.channel = channel;
    this.closed = new Promise(resolve => channel.onClose(resolve));
    channel.onFrame(payload => this.waiting.shift()?.(parseReply(payload)));
  }

  say(payload: Buffer | string): void {
    void this.channel.send(Buffer.from(payload)).catch(() => undefined);
  }

  /** The reply, or `closed` when the victim hangs up instead. */
  async ask(request: Request): Promise<Reply | 'closed'> {
    const reply = new Promise<Reply>(resolve => this.waiting.push(resolve));
    this.say(encodeMessage(request));
    return Promise.race([reply, this.closed.then(() => 'closed' as const)]);
  }

  /** The code of what it was refused with, the type of the answer, or `closed`. */
  async outcome(request: Request): Promise<string> {
    const reply = await this.ask(request);
    if (reply === 'closed') return reply;
    return reply.type === 'error' ? reply.error.code : reply.type;
  }

  close(): void {
    this.channel.close();
  }
}
