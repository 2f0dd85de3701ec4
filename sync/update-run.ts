import { type Moment, remainingMs } from '../host/deadline.ts';
import { elapsedMs } from '../host/stopwatch.ts';
import { asLockstepError, LockstepError } from '../schema/error.ts';
import { EMPTY_DIGEST } from '../store/digest.ts';
import type { Provisional } from '../store/head.ts';
import { cutNode, type Difference, difference, type NodePair } from '../store/tree-walk.ts';
import { holdBack } from './held-back.ts';
import type { LinkContext } from './link-context.ts';
import type { ProvisionalNote } from './message.ts';
import { MAX_BUCKETS, MAX_NODES } from './message-format.ts';
import { type Outgoing, prepareOutgoing, updateFrames } from './outgoing.ts';
import type { Receipt } from './receipt.ts';
import type { Effect, SyncEvent } from './state.ts';

type EffectOf<Do extends Effect['do']> = Extract<Effect, { do: Do }>;

/** What a run needs until it ends. */
interface Running extends Outgoing {
  run: number;
  started: number;
  records: number;
  bytes: number;
}

/** Carries out the effects of an update that goes out; each ends in the event that the step machine waits for. */
export class UpdateRun {
  private readonly link: LinkContext;
  private running: Running | undefined;
  private partnerKinds: { schemaDigest: string; kinds: Record<string, string> } | undefined;

  constructor(link: LinkContext) {
    this.link = link;
  }

  carryOut(effect: EffectOf<'prepare' | 'compare' | 'list' | 'send'>): void {
    this.act(effect)
      // A failure inside a run is an event, never an exception.
      .catch(
        (error: unknown): SyncEvent => ({
          type: 'failed',
          run: effect.run,
          error: asLockstepError(error).toJSON(),
        }),
      )
      .then(event => {
        this.link.feed(event);
        this.dropAbandoned(effect.run);
      });
  }

  /** Answers whoever waits for the receipt. */
  remember({ result, digest, revision, forced, tickets, heldBack, seen }: EffectOf<'remember'>): void {
    const { options } = this.link;
    const { started = 0, records = 0, bytes = 0 } = this.running ?? {};
    const receipt: Receipt = {
      result,
      kind: forced ? 'forced' : 'periodic',
      revision,
      digest,
      records,
      bytes,
      ms: elapsedMs(started, options.timers.now()),
      at: new Date(options.clock().wall).toISOString(),
      ...(heldBack === undefined ? {} : { heldBack }),
    };
    this.drop();
    for (const ticket of tickets) this.link.settle(ticket, receipt);
    options.onUpdate(receipt, seen);
  }

  /** Asked once for each release of the partner. */
  async kindsOfPartner(schemaDigest: string): Promise<Record<string, string>> {
    if (this.partnerKinds?.schemaDigest !== schemaDigest)
      this.partnerKinds = await this.link.linked().ask(id => ({ type: 'kinds', id }), 'kinds-are');
    return this.partnerKinds.kinds;
  }

  private act(effect: EffectOf<'prepare' | 'compare' | 'list' | 'send'>): Promise<SyncEvent> {
    switch (effect.do) {
      case 'prepare':
        return this.prepare(effect);
      case 'compare':
        return this.compare(effect);
      case 'list':
        return this.list(effect);
      case 'send':
        return this.send(effect);
    }
  }

  private async prepare({ run, base, walk, otherSchema }: EffectOf<'prepare'>): Promise<SyncEvent> {
    const { options } = this.link;
    this.drop();
    await options.beforeUpdate?.(base);
    const started = options.timers.now();
    const kinds = otherSchema === undefined ? undefined : await this.kindsOfPartner(otherSchema);
    const outgoing = await prepareOutgoing(options.store, base, walk, kinds);
    if (run !== this.link.state.run) {
      outgoing.close();
      throw overtaken();
    }
    this.running = { ...outgoing, run, started, records: 0, bytes: 0 };
    const { route, target, revision } = outgoing;
    return { type: 'prepared', run, route, target, revision };
  }

  private async compare({ run, nodes }: EffectOf<'compare'>): Promise<SyncEvent> {
    const { snapshot } = this.current(run);
    const pairs: NodePair[] = [];
    for (const part of parts(nodes, MAX_NODES)) {
      const reply = await this.link.linked().ask(id => ({ type: 'compare', id, nodes: part }), 'nodes');
      for (const [position, [level, index]] of part.entries()) {
        const own = cutNode((await snapshot?.node(level, index)) ?? Buffer.alloc(0));
        pairs.push({ level, index, own, partner: Buffer.from(reply.nodes[position] ?? '', 'base64') });
      }
    }
    return { type: 'compared', run, nodes: pairs };
  }

  private async list({ run, buckets }: EffectOf<'list'>): Promise<SyncEvent> {
    const running = this.current(run);
    const { snapshot, kinds } = running;
    const found: Difference = { upserts: [], removals: [] };
    const theirs = new Map<string, string>();
    for (const part of parts(buckets, MAX_BUCKETS)) {
      const reply = await this.link.linked().ask(id => ({ type: 'list', id, buckets: part }), 'leaves');
      for (const [position, bucket] of part.entries()) {
        const hashes = [...((await snapshot?.bucket(bucket)) ?? [])];
        const own = new Map(hashes.map(([path, hash]) => [path, hash.toString('base64')]));
        const partner = new Map(reply.buckets[position]);
        const { upserts, removals } = difference([{ own, partner }]);
        found.upserts.push(...upserts);
        found.removals.push(...removals);
        for (const path of upserts) if (partner.has(path)) theirs.set(path, partner.get(path) as string);
      }
    }
    if (kinds === undefined || snapshot === undefined) return { type: 'listed', run, difference: found };
    const { catalog } = this.link.options.store;
    const split = await holdBack(found, { kinds, theirs, snapshot, catalog });
    running.target = split.heldBack?.target ?? running.target;
    return { type: 'listed', run, ...split };
  }

  private async send({ run, base, epoch, difference: found }: EffectOf<'send'>): Promise<SyncEvent> {
    const running = this.current(run);
    const { store, own, clock } = this.link.options;
    const { target, revision, brought, waiting } = running;
    // The standby may take the first update, and this unit end before the receipt is in. Found without a mark of it, it
    // would look like a unit that is new to a pair whose configuration the other one holds.
    if (!own().established) await store.setCommon(EMPTY_DIGEST, 0);
    const { confirmed = '' } = store.head;
    const provisional = waiting.provisional === undefined ? null : noteOf(waiting.provisional, clock());
    const header = { epoch, base, target, revision, brought, provisional, confirmed };
    async function* frames(id: number): AsyncIterable<Buffer> {
      for await (const { payload, records } of updateFrames(header, id, running.changes(found))) {
        running.records += records;
        running.bytes += payload.length;
        yield payload;
      }
    }
    const { type, re: _re, ...receipt } = await this.link.linked().askInFrames(frames, 'receipt');
    return { type, run, ...receipt };
  }

  private current(run: number): Running {
    if (this.running?.run === run) return this.running;
    throw overtaken();
  }

  /** Only once its last act has ended: a snapshot must not be closed while it is read. */
  private dropAbandoned(run: number): void {
    const { run: now, work } = this.link.state;
    if (this.running?.run === run && (now !== run || !('serving' in work))) this.drop();
  }

  private drop(): void {
    this.running?.close();
    this.running = undefined;
  }
}

function noteOf({ deadline, ...rest }: Provisional, clock: Moment): ProvisionalNote {
  const { author, reason } = rest;
  const msLeft = remainingMs(deadline, clock);
  return { ...rest, author: author.slice(0, 200), reason: reason.slice(0, 2000), msLeft };
}

function overtaken(): LockstepError {
  return new LockstepError('internal', 'An update was overtaken by another.');
}

function* parts<Item>(items: Item[], size: number): Iterable<Item[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
