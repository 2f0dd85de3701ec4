import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Moment } from '../../host/deadline.ts';
import { type Catalog, loadCatalog } from '../../schema/catalog.ts';
import { LockstepError } from '../../schema/error.ts';
import { canonicalize, type JsonObject } from '../../schema/json.ts';
import { splitRecord } from '../../schema/record.ts';
import { RULES } from '../../schema/rules/index.ts';
import { openLmdb } from '../../store/lmdb/lmdb.ts';
import { openMemory } from '../../store/memory.ts';
import type { StorePort } from '../../store/port.ts';
import { type CommitResult, Store } from '../../store/store.ts';
import type { Change } from '../../store/transition.ts';
import { bothWays } from '../../sync/both-ways.ts';
import type { Channel } from '../../sync/channel.ts';
import { Link } from '../../sync/link.ts';
import { type HaMode, type Hello, PROTOCOL, type Reply, type Request } from '../../sync/message.ts';
import { encodeMessage, parseReply, parseRequest } from '../../sync/message-format.ts';
import { nameOf, type StateName } from '../../sync/pair-state.ts';
import type { Receipt } from '../../sync/receipt.ts';
import { serve } from '../../sync/service.ts';
import { factsOf, type OwnFacts, type SyncState } from '../../sync/state.ts';
import type { Auditing } from '../../unit/audits/auditing.ts';
import { channelPair, type Fate } from './channel-in-memory.ts';
import { ManualTimers } from './manual-timers.ts';

export const catalog: Catalog = loadCatalog();

/** One frame that crossed, or was about to: requests go from the unit that dialled, replies back to it. */
export interface Recorded {
  from: HaMode;
  is: 'request' | 'reply';
  payload: Buffer;
}

/** What a unit says of itself beside what its store says. */
export type Facts = Pick<
  OwnFacts,
  'pairId' | 'name' | 'mode' | 'release' | 'model' | 'schemaDigest' | 'everyCommit' | 'pause' | 'bothWays'
>;

/** One unit without a daemon around it: a real store, the asking side and the answering side of the sync. */
export class MemoryUnit {
  readonly mode: HaMode;
  readonly store: Store;
  readonly link: Link;
  readonly facts: Facts;
  readonly sent: Receipt[] = [];
  readonly taken: { result: string; records: number }[] = [];
  readonly refusals: LockstepError[] = [];
  /** What a unit does about audits, where a test is about that. */
  auditing: Pick<Auditing, 'answerPartner' | 'beforeUpdate' | 'settled'> | undefined;
  /** True: commits are not noticed, as if somebody wrote to the disk. */
  silent = false;
  /** True: it greets as release 0.1.0 does, which gives stores no ids and keeps no witness. */
  isOld = false;
  /** What the clocks of its machine show. */
  clock: Moment = { wall: 0, uptime: 0, bootId: 'boot-1' };
  private readonly waiters = new Set<(state: SyncState, name: StateName) => void>();

  constructor(mode: HaMode, store: Store, timers: ManualTimers, dial: () => Promise<Channel>) {
    this.mode = mode;
    this.store = store;
    this.facts = {
      pairId: 'pair-1',
      name: mode,
      mode,
      release: '1.0.0',
      model: 'generic',
      schemaDigest: store.catalog.digest,
      everyCommit: false,
      pause: undefined,
    };
    this.link = new Link({
      store,
      timers,
      dial: async () => {
        const channel = await dial();
        if (this.facts.bothWays !== true) return channel;
        const { asking, answering } = bothWays(channel, 'this-unit');
        this.answer(answering, hello => this.link.heard(hello));
        return asking;
      },
      own: () => this.own(),
      clock: () => this.clock,
      setRole: (role, epoch, digest) => store.setRole(role, epoch, digest),
      onState: (state, name) => {
        for (const waiter of [...this.waiters]) waiter(state, name);
      },
      onUpdate: (report, seen) => {
        this.sent.push(report);
        if (report.heldBack === undefined) void store.setCommon(report.digest, report.revision, seen);
        this.auditing?.settled();
      },
      beforeUpdate: async () => this.auditing?.beforeUpdate(),
      onTrouble: () => undefined,
    });
    store.watch(() => this.silent || this.link.ownChanged());
  }

  own(): OwnFacts {
    const unitId = `unit-${this.mode}`;
    return {
      ...this.facts,
      ...factsOf(this.store.head),
      protocol: PROTOCOL,
      unitId,
      ...(this.isOld ? { store: undefined, witnessed: undefined, fellBack: undefined } : {}),
    };
  }

  /** Answers a partner, or somebody who says that he is one. */
  welcome(channel: Channel): void {
    if (this.facts.bothWays !== true) {
      this.answer(channel, hello => this.link.heard(hello));
      return;
    }
    const { asking, answering } = bothWays(channel, 'the-partner');
    this.answer(answering, hello => this.link.heard(hello, asking));
  }

  private answer(channel: Channel, onHello: (hello: Hello) => void): void {
    serve(channel, {
      store: this.store,
      own: () => this.own(),
      clock: () => this.clock,
      heldBack: () => this.link.heldBack,
      onHello,
      onUpdate: async ({ result, records }) => {
        this.taken.push({ result, records });
        this.auditing?.settled();
      },
      onAudit: async question => this.auditing?.answerPartner(question) ?? {},
      onRefusal: error => this.refusals.push(error),
      stepDown: (epoch, force, digest) => this.link.stepDown(epoch, force, digest),
      examine: async nonce => ({ nonce }),
    });
  }

  get state(): StateName {
    return nameOf(this.link.state);
  }

  /** Resolves when the sync is in this state, at once if it is there. */
  reaches(wanted: StateName): Promise<void> {
    return this.until((_state, name) => name === wanted);
  }

  until(holds: (state: SyncState, name: StateName) => boolean): Promise<void> {
    if (holds(this.link.state, this.state)) return Promise.resolve();
    return new Promise(resolve => {
      const waiter = (state: SyncState, name: StateName): void => {
        if (!holds(state, name)) return;
        this.waiters.delete(waiter);
        resolve();
      };
      this.waiters.add(waiter);
    });
  }

  commit(...changes: Change[]): Promise<CommitResult> {
    return this.store.commit({ changes, kind: 'change', author: 'ada', reason: `change on ${this.mode}` });
  }

  put(path: string, value: JsonObject): Promise<CommitResult> {
    return this.commit({ op: 'put', path, value });
  }

  /** Shared halves of all records, one canonical line each. */
  async shared(): Promise<string[]> {
    const snapshot = await this.store.snapshot();
    try {
      const lines: string[] = [];
      for await (const run of snapshot.spelledChanges())
        lines.push(...run.map(({ path, value }) => `${path} ${value}`));
      return lines;
    } finally {
      snapshot.close();
    }
  }

  /** Halves that belong to this unit alone: path → canonical JSON. */
  async ownHalves(): Promise<Map<string, string>> {
    const halves = new Map<string, string>();
    for await (const { path, value } of this.store.list()) {
      const { unit } = splitRecord(catalog.kindOf(path), value);
      if (unit !== undefined) halves.set(path, canonicalize(unit));
    }
    return halves;
  }
}

/** Two units that dial each other over channels in memory. `first` starts as active in epoch 1, `second` as standby. */
export class MemoryPair {
  readonly timers = new ManualTimers();
  readonly frames: Recorded[] = [];
  first: MemoryUnit;
  second: MemoryUnit;
  /** Decides over each frame; a test replaces it. */
  fate: (frame: Recorded) => Fate = () => 'arrives';
  /** False: nobody gets through. */
  reachable = true;
  /** Units that nobody can dial. */
  readonly unreachable = new Set<HaMode>();
  private readonly lines = new Set<{ cut(reason: string): void }>();
  private readonly folder: string | undefined;
  /** The bytes below each store, as somebody with a tool would change them. */
  readonly ports: Record<HaMode, StorePort>;

  private constructor(
    stores: { first: Store; second: Store },
    ports: Record<HaMode, StorePort>,
    folder: string | undefined,
  ) {
    this.folder = folder;
    this.ports = ports;
    this.first = new MemoryUnit('first', stores.first, this.timers, async () => this.dial('first'));
    this.second = new MemoryUnit('second', stores.second, this.timers, async () => this.dial('second'));
  }

  /** `on`: where the stores are. On the disk they are LMDB in a temporary folder. `otherRelease`: the kinds that the second unit knows. */
  static async open(on: 'disk' | 'memory' = 'disk', otherRelease = catalog): Promise<MemoryPair> {
    const folder = on === 'disk' ? mkdtempSync(join(tmpdir(), 'lockstep-pair-')) : undefined;
    const port = (name: string) => (folder === undefined ? openMemory() : openLmdb(join(folder, name)));
    const ports = { first: port('first'), second: port('second') };
    const stores = {
      first: await opened(ports.first, catalog),
      second: await opened(ports.second, otherRelease),
    };
    const pair = new MemoryPair(stores, ports, folder);
    await pair.first.store.setRole('active', 1);
    return pair;
  }

  /** Both units dial, and have heard each other when this resolves. */
  async connect(): Promise<void> {
    this.first.link.start();
    this.second.link.start();
    await this.seen();
  }

  async seen(): Promise<void> {
    await Promise.all([this.first, this.second].map(unit => unit.until(state => state.link === 'up')));
  }

  /** Both lines are cut in the middle of whatever is going on. */
  cut(): void {
    for (const line of this.lines) line.cut('the line was cut');
    this.lines.clear();
  }

  /** After a cut: lets the time pass until both units have dialled again. */
  async reconnect(): Promise<void> {
    this.reachable = true;
    this.timers.advance(5_000);
    await this.seen();
  }

  /** What is on the disk of a unit at this moment. */
  async image(mode: HaMode): Promise<Image> {
    const entries: Image = [];
    for await (const [key, value] of this.ports[mode].range(EVERYTHING))
      entries.push([key, Buffer.from(value)]);
    return entries;
  }

  /** The unit ends, and begins again with an older image of its disk; it dials when the test says so. */
  async fallBack(mode: HaMode, image: Image): Promise<MemoryUnit> {
    const before = this[mode];
    before.link.stop();
    this.cut();
    await before.store.close();
    const port = openMemory();
    await port.batch({ expect: [], put: image, remove: [] });
    this.ports[mode] = port;
    const store = await opened(port, before.store.catalog);
    this[mode] = new MemoryUnit(mode, store, this.timers, async () => this.dial(mode));
    Object.assign(this[mode].facts, before.facts);
    return this[mode];
  }

  other({ mode }: { mode: HaMode }): MemoryUnit {
    return mode === 'first' ? this.second : this.first;
  }

  /** Talks to a unit as whoever: nothing of a real sender stands between a test and the wire. */
  speakTo(unit: MemoryUnit): Speaker {
    const { left, right } = channelPair({ left: () => 'arrives', right: () => 'arrives' });
    unit.welcome(right);
    return new Speaker(left);
  }

  /** Messages that crossed, read back. */
  requests(): Request[] {
    return this.frames.filter(({ is }) => is === 'request').map(({ payload }) => parseRequest(payload));
  }

  async close(): Promise<void> {
    for (const unit of [this.first, this.second]) unit.link.stop();
    await Promise.all([this.first.store.close(), this.second.store.close()]);
    if (this.folder !== undefined) rmSync(this.folder, { recursive: true, force: true });
  }

  private dial(from: HaMode): Channel {
    if (!this.reachable) throw new LockstepError('partner-unreachable', 'The network is down.');
    const to = from === 'first' ? 'second' : 'first';
    if (this.unreachable.has(to)) throw new LockstepError('partner-unreachable', 'A firewall is in between.');
    const { left, right } = channelPair({
      left: payload => this.record({ from, is: 'request', payload }),
      right: payload => this.record({ from: to, is: 'reply', payload }),
    });
    this.lines.add(left);
    this[to].welcome(right);
    return left;
  }

  private record(frame: Recorded): Fate {
    this.frames.push(frame);
    return this.fate(frame);
  }
}

export type Image = [key: string, value: Buffer][];

const EVERYTHING = { from: '', to: '\u007f' };

function opened(port: StorePort, kinds: Catalog): Promise<Store> {
  return Store.open({ port, catalog: kinds, rules: RULES, now: () => new Date() });
}

/** One end of a channel in the hands of a test. */
export class Speaker {
  readonly closed: Promise<string>;
  private readonly channel: Channel;
  private readonly replies = new Map<number, (reply: Reply) => void>();

  constructor(channel: Channel) {
    this.channel = channel;
    this.closed = new Promise(resolve => channel.onClose(resolve));
    channel.onFrame(payload => {
      const reply = parseReply(payload);
      this.replies.get(reply.re)?.(reply);
    });
  }

  say(request: Request | Buffer): void {
    void this.channel
      .send(Buffer.isBuffer(request) ? request : encodeMessage(request))
      .catch(() => undefined);
  }

  /** Resolves with the reply to this request. */
  ask(request: Request): Promise<Reply> {
    return new Promise(resolve => {
      this.replies.set(request.id, resolve);
      this.say(request);
    });
  }

  /** Resolves with the code that the request is refused with, or `not refused`. */
  async refusalOf(request: Request): Promise<string> {
    const reply = await this.ask(request);
    return reply.type === 'error' ? reply.error.code : 'not refused';
  }
}
