/** Whoever follows the unit by the API: each has a queue of their own, and one look at the status is for all of them. */
import { type EVENTS, type Event, HAPPENINGS } from '../api/contract/events.ts';
import type { RequestOf } from '../api/contract/method.ts';
import type { Status } from '../api/contract/status.ts';
import type { Timers } from '../host/timers.ts';
import { LockstepError } from '../schema/error.ts';
import type { JsonObject } from '../schema/json.ts';
import type { Revision } from '../store/revision.ts';
import type { Store } from '../store/store.ts';
import type { Events } from './events.ts';
import type { Log } from './log/log.ts';

const MAX_FOLLOWERS = 64;
const MAX_FOLLOWERS_EACH = 8;
/** In one queue; and of older revisions, for one who comes back. */
const MAX_QUEUED = 1_000;
/** What happens together is told with one status. */
const TOGETHER_MS = 100;
/** Some of a status changes without an event: warnings as time passes, files under config/. */
const LOOK_AGAIN_MS = 2_000;

export interface FollowersOptions {
  store: Pick<Store, 'catalog' | 'head' | 'history' | 'oldestRevision'>;
  status(): Promise<Status>;
  events: Events;
  timers: Timers;
  now(): Date;
  log: Pick<Log, 'info' | 'warn'>;
}

export type FollowRequest = RequestOf<(typeof EVENTS)['events']>;

export class Followers {
  readonly #options: FollowersOptions;
  readonly #all = new Set<Follower>();
  /** As it was last told, without what moves while nothing happens. */
  #told = '';
  #looking = false;
  #next: { at: number; cancel(): void } | undefined;

  constructor(options: FollowersOptions) {
    this.#options = options;
    const { events, now } = options;
    events.on('committed', ({ revision, paths }) => {
      for (const each of this.#all) if (each.wants(paths)) this.#tell(each, { event: 'revision', revision });
      this.#lookIn(TOGETHER_MS);
    });
    for (const what of HAPPENINGS)
      events.on(what, fact => {
        if (this.#all.size === 0) return;
        const facts = JSON.parse(JSON.stringify(fact)) as JsonObject;
        for (const each of this.#all)
          this.#tell(each, { event: 'happened', what, at: now().toISOString(), facts });
        this.#lookIn(TOGETHER_MS);
      });
  }

  /** Until `left` is aborted, or the follower falls behind. Throws `too-many-followers`. */
  async follow(asked: FollowRequest, left: AbortSignal): Promise<AsyncIterable<Event>> {
    this.#assertRoom(asked.author);
    const follower = new Follower(asked, this.#options.store.catalog.resolve(asked.path ?? '').path);
    this.#all.add(follower);
    left.addEventListener('abort', () => this.#leave(follower), { once: true });
    if (asked.status === true) this.#lookIn(LOOK_AGAIN_MS);
    return this.#eventsOf(follower, asked.after, this.#options.store.head.revision);
  }

  async *#eventsOf(follower: Follower, after: number | undefined, head: number): AsyncIterable<Event> {
    try {
      if (follower.status) yield { event: 'status', status: await this.#first() };
      if (after !== undefined) yield* this.#past(follower.path, after, head);
      for await (const event of follower.events())
        if (event.event !== 'revision' || event.revision.revision > head) yield event;
    } finally {
      this.#leave(follower);
    }
  }

  #leave(follower: Follower): void {
    follower.close();
    this.#all.delete(follower);
    if (this.#isStatusFollowed) return;
    this.#next?.cancel();
    this.#next = undefined;
    this.#told = '';
  }

  /** Whoever follows already has the one that was told last. */
  async #first(): Promise<Status> {
    const status = await this.#options.status();
    if (this.#told === '') this.#told = JSON.stringify(unmoving(status));
    return status;
  }

  get #isStatusFollowed(): boolean {
    return [...this.#all].some(each => each.status);
  }

  /** Revisions that somebody missed, oldest first; those after `head` are in their queue. */
  async *#past(path: string, after: number, head: number): AsyncIterable<Event> {
    const missed: Revision[] = [];
    for await (const revision of this.#options.store.history(path, head + 1)) {
      if (revision.revision <= after || missed.length === MAX_QUEUED) break;
      missed.push(revision);
    }
    missed.reverse();
    const next = missed[0]?.revision ?? head + 1;
    const oldest = await this.#options.store.oldestRevision();
    if (missed.length === MAX_QUEUED || after + 1 < oldest) yield { event: 'gap', next };
    for (const revision of missed) yield { event: 'revision', revision };
  }

  #tell(follower: Follower, event: Event): void {
    if (follower.take(event)) return;
    this.#options.log.warn({ by: follower.author }, 'a follower was too slow, and is left behind');
    follower.end({
      event: 'end',
      code: 'slow',
      message: `More than ${MAX_QUEUED} events waited to be read.`,
    });
    this.#leave(follower);
  }

  /** At the latest after `ms`: whatever happens until then is told with it. */
  #lookIn(ms: number): void {
    const { timers } = this.#options;
    const at = timers.now() + ms;
    if (!this.#isStatusFollowed || (this.#next !== undefined && this.#next.at <= at)) return;
    this.#next?.cancel();
    this.#next = { at, cancel: timers.after(ms, () => void this.#look()) };
  }

  async #look(): Promise<void> {
    this.#next = undefined;
    if (this.#looking) return this.#lookIn(TOGETHER_MS);
    this.#looking = true;
    try {
      const status = await this.#options.status();
      const spelled = JSON.stringify(unmoving(status));
      if (spelled === this.#told) return;
      this.#told = spelled;
      for (const each of this.#all) if (each.status) this.#tell(each, { event: 'status', status });
    } catch (error) {
      this.#options.log.warn({ reason: String(error) }, 'the status could not be told to those who follow');
    } finally {
      this.#looking = false;
      this.#lookIn(LOOK_AGAIN_MS);
    }
  }

  #assertRoom(author: string): void {
    const own = [...this.#all].filter(each => each.author === author).length;
    if (this.#all.size < MAX_FOLLOWERS && own < MAX_FOLLOWERS_EACH) return;
    throw new LockstepError('too-many-followers', 'Too many follow this unit already.', {
      hint: 'End one that follows: lockstep status --watch and lockstep history --follow are such.',
      facts: { followers: this.#all.size, own },
    });
  }
}

/** Without what moves while nothing happens. */
function unmoving({ at: _now, partner, provisional, ...rest }: Status): object {
  const { lastSeenAt: _seen, clockSkewMs: _skew, ...there } = partner ?? { name: '' };
  const { secondsLeft: _left, ...waits } = provisional ?? { author: '' };
  return { ...rest, there, waits };
}

/** What one follower has not read yet. */
class Follower {
  readonly author: string;
  readonly status: boolean;
  /** Of the records whose revisions are told; empty: all. */
  readonly path: string;
  #queue: Event[] = [];
  #wake: () => void = () => undefined;
  #closed = false;

  constructor({ author, status = false }: FollowRequest, path: string) {
    this.author = author;
    this.status = status;
    this.path = path;
  }

  /** Of a revision that touched these. */
  wants(paths: readonly string[]): boolean {
    const { path } = this;
    return path === '' || paths.some(each => each === path || each.startsWith(`${path}/`));
  }

  /** False: there is no room. Of statuses the newest is enough. */
  take(event: Event): boolean {
    if (event.event === 'status') this.#queue = this.#queue.filter(each => each.event !== 'status');
    if (this.#queue.length >= MAX_QUEUED) return false;
    this.#queue.push(event);
    this.#wake();
    return true;
  }

  /** With one last event, in place of all that waits. */
  end(event: Event): void {
    this.#queue = [event];
    this.close();
  }

  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async *events(): AsyncIterable<Event> {
    for (;;) {
      const event = this.#queue.shift();
      if (event !== undefined) yield event;
      else if (this.#closed) return;
      else
        await new Promise<void>(resolve => {
          this.#wake = resolve;
        });
    }
  }
}
