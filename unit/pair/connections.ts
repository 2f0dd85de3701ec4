import { isIP } from 'node:net';
import type { PairedAnswer } from '../../api/contract/pair.ts';
import type { Moment } from '../../host/deadline.ts';
import type { Timers } from '../../host/timers.ts';
import { LockstepError } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { Store } from '../../store/store.ts';
import { bothWays } from '../../sync/both-ways.ts';
import type { Channel } from '../../sync/channel.ts';
import { Link } from '../../sync/link.ts';
import type { Hello } from '../../sync/message.ts';
import type { Partner, Place } from '../../sync/pairing.ts';
import { serve } from '../../sync/service.ts';
import { fingerprint, publicBlob } from '../../sync/ssh/keys.ts';
import type { OwnFacts } from '../../sync/state.ts';
import type { Auditing } from '../audits/auditing.ts';
import type { Events } from '../events.ts';
import type { Log } from '../log/log.ts';
import type { Refusals } from '../log/refusals.ts';
import type { Health } from '../store-care/health.ts';
import { pacifiedError, type StartCounter } from '../store-care/starts.ts';
import type { Dialler } from './dialler.ts';
import type { Listening } from './listening.ts';
import type { OwnUnit } from './own-unit.ts';
import type { PairWatch } from './pair-watch.ts';
import type { PartnerRegistry } from './partner-registry.ts';
import { placesOf, portOf } from './places.ts';
import type { Roles } from './roles.ts';
import type { UpdateJournal } from './update-journal.ts';

export interface ConnectionsOptions {
  store: Store;
  own: OwnUnit;
  registry: PartnerRegistry;
  listening: Listening;
  dialler: Dialler;
  roles: Roles;
  journal: UpdateJournal;
  watch: PairWatch;
  refusals: Refusals;
  health: Health;
  starts: StartCounter;
  timers: Timers;
  now(): Date;
  clock(): Moment;
  events: Events;
  log: Log;
}

/** What the partner may ask for beside configuration. */
export interface Answers {
  /** Looks for drift, and answers the audits of the partner. */
  audit?: Pick<Auditing, 'answerPartner' | 'beforeUpdate' | 'due' | 'settled'>;
  /** How this unit is. */
  examine(nonce: string): Promise<JsonObject>;
}

/** The connections with the partner: dials it, welcomes it, and keeps one link over whatever works. */
export class Connections {
  /** Undefined without a partner, and until the unit takes part. */
  link: Link | undefined;
  private readonly options: ConnectionsOptions;
  private answers: Answers | undefined;
  private dialledHost: string | undefined;

  constructor(options: ConnectionsOptions) {
    const { events } = options;
    this.options = options;
    events.on('paired', () => this.connect());
    events.on('unpaired', () => this.leave());
    events.on('listeningMoved', () => this.link?.redial());
    events.on('selfChanged', () => this.selfChanged());
    events.on('provisionalUndone', () => this.link?.due());
    events.onAny(['pauseChanged', 'damaged', 'mended', 'sourceConfirmed', 'provisionalClosed'], () =>
      this.link?.ownChanged(),
    );
    // The answer to whoever made the change, or the receipt for the partner that did, goes out first.
    events.on('committed', () => setImmediate(() => this.link?.ownChanged()));
  }

  /** From now on the partner is dialled, and answered. */
  start(answers: Answers): void {
    this.answers = answers;
    this.dialledHost = this.options.own.partnerRecord?.host;
    this.connect();
  }

  stop(): void {
    this.answers = undefined;
    this.link?.stop();
  }

  get partner(): Partner | undefined {
    return this.options.registry.partner;
  }

  /** What it calls itself today, or was called when it was paired. */
  get partnerName(): string | undefined {
    return this.link?.state.partner?.name ?? this.partner?.name;
  }

  /** Where the partner is now, or is looked for first. */
  get partnerAt(): Place | undefined {
    const { partner } = this;
    if (partner === undefined) return undefined;
    const via = this.link?.via;
    const known = via === undefined ? undefined : via.dialled ? partner.reached : partner.cameFrom;
    return known ?? placesOf(partner, this.options.own.partnerRecord)[0];
  }

  /** Where shared configuration is changed while this unit is standby; undefined when nobody is known to be active. */
  activePartner(): { name: string; host: string } | undefined {
    const { partner } = this;
    const heard = this.link?.state.partner;
    if (partner === undefined || heard?.role !== 'active') return undefined;
    return { name: heard.name, host: this.partnerAt?.host ?? partner.host };
  }

  /** Throws `not-paired`, `pacified`. */
  linked(): Link {
    this.assertTakingPart();
    if (this.link !== undefined) return this.link;
    const hint =
      this.options.own.identity.mode === 'single'
        ? 'This is a single unit.'
        : 'Type lockstep pair --invite on one unit, and what it prints on the other.';
    throw new LockstepError('not-paired', 'This unit has no partner.', { hint });
  }

  assertTakingPart(): void {
    const { pacified } = this.options.starts;
    if (pacified !== undefined) throw pacifiedError(pacified);
  }

  own(): OwnFacts {
    return this.options.own.said(this.partner?.pairId ?? '');
  }

  /** At the first of the places where it may be that answers with its key. */
  call(pinned: Partner, signal: AbortSignal): ReturnType<Dialler['dialFirst']> {
    const places = placesOf(this.partner ?? pinned, this.options.own.partnerRecord);
    return this.options.dialler.dialFirst(pinned, places, signal);
  }

  /** Somebody connected who was admitted as the partner. */
  welcome(channel: Channel): void {
    const { partner } = this;
    if (partner === undefined) {
      channel.close('this unit has no partner');
      return;
    }
    const { asking, answering } = bothWays(channel, 'the-partner');
    this.serve(answering, partner, hello => {
      this.link?.heard(hello, asking);
      if (hello.pacified === true) return; // it does not listen there
      void this.cameFrom(partner, { host: channel.remote.address, port: hello.port ?? portOf(partner) });
    });
  }

  /**
   * The partner is there from now on: it is called there, and has to show its key. `record`: the field of the records that says
   * otherwise still. Throws `bad-usage`, `key-mismatch`, `partner-unreachable`.
   */
  async movedTo(host: string, port?: number): Promise<{ answer: PairedAnswer; record: string | undefined }> {
    const { partner } = this;
    this.assertTakingPart();
    if (partner === undefined)
      throw new LockstepError(
        'bad-usage',
        'The code is missing: this unit has no partner that could have moved.',
        { hint: 'lockstep pair --invite on the other unit prints it; give it with --code CODE.' },
      );
    const { dialler, registry, own } = this.options;
    const from = this.partnerAt ?? partner;
    const at = { host, port: port ?? portOf(partner) };
    const pinned = publicBlob(partner.hostKey);
    const expected = fingerprint(partner.hostKey);
    const channel = await dialler.dial(host, at.port, blob => blob.equals(pinned), expected);
    channel.close('the partner is there');
    await registry.learn(partner.hostKey, { reached: at });
    this.link?.redial();
    const record = own.partnerRecord;
    const differs = record !== undefined && record.host !== host && isIP(host) > 0;
    return {
      answer: {
        partner: { name: partner.name, ...at, fingerprint: expected },
        moved: { from: { host: from.host, port: from.port } },
      },
      record: differs ? record.path : undefined,
    };
  }

  private connect(): void {
    const { partner, answers } = this;
    if (partner === undefined || answers === undefined) return;
    const { store, timers, clock, roles, watch, journal, log } = this.options;
    this.link?.stop();
    this.link = new Link({
      store,
      timers,
      dial: signal => this.dialPartner(partner, signal),
      own: () => this.own(),
      clock,
      setRole: (role, epoch, digest) => roles.set(role, epoch, digest),
      onState: (state, name) => watch.note(state, name, partner.name),
      onUpdate: (receipt, seen) => {
        journal.noteSent(receipt, seen);
        answers.audit?.settled();
      },
      beforeUpdate: async () => answers.audit?.beforeUpdate(),
      onFellBack: ({ digest: _digest, ...fellBack }) => log.warn(fellBack, 'the disk of this unit fell back'),
      onTrouble: ({ code, message, facts }) => {
        const { pinned, offered } = facts;
        const keys = code === 'key-mismatch' ? { pinned, offered } : {};
        log.warn({ code, reason: message, ...keys }, 'partner not reached');
      },
    });
    this.link.start();
  }

  private async dialPartner(pinned: Partner, signal: AbortSignal): Promise<Channel> {
    const { channel, place } = await this.call(pinned, signal);
    const { asking, answering } = bothWays(channel, 'this-unit');
    this.serve(answering, pinned, hello => this.link?.heard(hello));
    const reached = { host: place.host, port: place.port };
    if (await this.options.registry.learn(pinned.hostKey, { reached }))
      this.options.log.info({ ...reached, because: place.because }, 'the partner is reached');
    return asking;
  }

  /** It calls from somewhere else: it may listen there too. */
  private async cameFrom({ hostKey }: Partner, cameFrom: Place): Promise<void> {
    if (!(await this.options.registry.learn(hostKey, { cameFrom }))) return;
    this.options.log.info({ ...cameFrom }, 'the partner comes from');
    this.link?.redial();
  }

  /** The partner so far is none any more. */
  private leave(): void {
    const { watch, journal, listening } = this.options;
    this.link?.stop();
    this.link = undefined;
    watch.forget();
    journal.forget();
    listening.closeChannelsOf('partner');
  }

  /** The partner is looked for where the records say now. */
  private selfChanged(): void {
    const host = this.options.own.partnerRecord?.host;
    const moved = host !== this.dialledHost;
    this.dialledHost = host;
    this.link?.ownChanged();
    if (moved) this.link?.redial();
  }

  private isStill(partner: Partner): boolean {
    const { hostKey, pairId } = this.partner ?? {};
    return hostKey === partner.hostKey && pairId === partner.pairId;
  }

  /**
   * What a partner said before it was replaced may still wait for its turn, whoever dialled: it is of no pair any more, and the
   * link to the next partner does not hear of it.
   */
  private serve(channel: Channel, partner: Partner, onHello: (hello: Hello) => void): void {
    const { store, own, clock, health, journal, refusals } = this.options;
    const { answers } = this;
    if (answers === undefined) {
      channel.close('this unit stops');
      return;
    }
    const { audit, examine } = answers;
    serve(channel, {
      store,
      own: () => (this.isStill(partner) ? this.own() : own.said('')),
      clock,
      heldBack: () => this.link?.heldBack ?? 0,
      onHello: hello => {
        if (this.isStill(partner)) onHello(hello);
      },
      onUpdate: async (update, from) => {
        journal.noteTaken(update, from);
        audit?.settled();
      },
      ...(audit === undefined ? {} : { onAudit: question => audit.answerPartner(question) }),
      onRefusal: error => {
        health.noteOf('a commit or an update', error);
        refusals.message(error, channel.remote.address);
      },
      stepDown: async (epoch, force, digest) => this.linked().stepDown(epoch, force, digest),
      examine,
    });
  }
}
