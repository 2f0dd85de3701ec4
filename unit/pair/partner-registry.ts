import { randomUUID } from 'node:crypto';
import type { Invitation, PairedAnswer, UnpairedAnswer } from '../../api/contract/pair.ts';
import { removeDurable } from '../../host/durable-file.ts';
import type { Timers } from '../../host/timers.ts';
import { Turn } from '../../host/turn.ts';
import { isEveryAddress } from '../../schema/address.ts';
import { LockstepError } from '../../schema/error.ts';
import type { Channel } from '../../sync/channel.ts';
import type { HaFacts } from '../../sync/fit.ts';
import * as pairing from '../../sync/pairing.ts';
import { fingerprint, fingerprintOfHash, publicBlob, publicLine } from '../../sync/ssh/keys.ts';
import type { Events } from '../events.ts';
import type { Log } from '../log/log.ts';
import { readPartner, writePartner } from './partner.ts';
import { isSamePlace } from './places.ts';

export interface PartnerRegistryOptions {
  partnerFile: string;
  self(): pairing.Self;
  /** The pair that this unit may speak for. */
  pairId(): string | undefined;
  /** What both units must have alike. */
  ha(): HaFacts;
  /** Where this unit listens. */
  listening(): { host: string; port: number };
  /** `expected`: fingerprint of the one host key that `acceptHostKey` takes, for the message about another one. */
  dial(
    host: string,
    port: number,
    acceptHostKey: (blob: Buffer) => boolean,
    expected: string,
  ): Promise<Channel>;
  timers: Timers;
  now(): Date;
  events: Events;
  log: Log;
  /** Called before the new partner is let in. */
  settle(partner: pairing.Partner): Promise<void>;
  onRefusal(error: LockstepError, source: string): void;
}

interface OpenInvitation extends pairing.Invitation {
  /** Fingerprint of the partner that may be replaced. */
  replaces: string | undefined;
}

/** Where units become a pair: invitations, joining, and the one partner whose keys are pinned. */
export class PartnerRegistry {
  private readonly options: PartnerRegistryOptions;
  private pinned: pairing.Partner | undefined;
  private invitation: OpenInvitation | undefined;
  private readonly turn = new Turn();

  private constructor(options: PartnerRegistryOptions, partner: pairing.Partner | undefined) {
    this.options = options;
    this.pinned = partner;
  }

  /** Throws `damaged-store` when the partner file cannot be read. */
  static async open(options: PartnerRegistryOptions): Promise<PartnerRegistry> {
    return new PartnerRegistry(options, await readPartner(options.partnerFile));
  }

  get partner(): pairing.Partner | undefined {
    return this.pinned;
  }

  /** Whose key is it? Strangers come in only while an invitation is open, and may only answer it. */
  admit(key: Buffer): 'partner' | 'candidate' | undefined {
    if (this.pinned !== undefined && publicBlob(this.pinned.clientKey).equals(key)) return 'partner';
    return this.openInvitation() === undefined ? undefined : 'candidate';
  }

  /**
   * A new invitation takes the place of the one before. `replaces`: fingerprint of the partner that makes way for
   * the one that joins. Throws `conflict` when that is not the partner.
   */
  invite(replaces?: string): Invitation {
    this.assertIsPartner(replaces);
    const { hostKey } = this.options.self();
    const { timers, now, log, listening } = this.options;
    const hostKeyHash = pairing.hashOfKey(publicBlob(hostKey));
    const token = pairing.newToken(hostKeyHash);
    this.invitation = { token, replaces, spent: false, expires: timers.now() + pairing.INVITATION_MS };
    const expiresAt = new Date(now().getTime() + pairing.INVITATION_MS).toISOString();
    log.info({ until: expiresAt, ...(replaces === undefined ? {} : { replaces }) }, 'pairing invited');
    return {
      code: pairing.encodeCode({ hostKeyHash, token }),
      fingerprint: fingerprint(hostKey),
      expiresAt,
      ...listening(),
    };
  }

  /**
   * `replaces`: fingerprint of the partner that makes way.
   * Throws `bad-code`, `key-mismatch`, `already-paired`, `conflict`, `partner-unreachable`, `mismatch`.
   */
  async join(host: string, port: number, text: string, replaces?: string): Promise<PairedAnswer> {
    const code = pairing.decodeCode(text);
    const expected = fingerprintOfHash(code.hostKeyHash);
    this.assertIsPartner(replaces);
    this.assertFree(expected, replaces);
    const before = this.pinned;
    let offered: Buffer = Buffer.alloc(0);
    const isMeant = (blob: Buffer): boolean => {
      offered = blob;
      return pairing.hashOfKey(blob).equals(code.hostKeyHash);
    };
    const inviter = () => ({ hostKey: publicLine(offered), host, port });
    const self = { ...this.options.self(), ...this.entry() };
    const attempt = async (own: typeof self): ReturnType<typeof pairing.join> => {
      const channel = await this.options.dial(host, port, isMeant, expected).catch(error => {
        throw asJoinError(error, pairing.isAsShown(code));
      });
      try {
        return await pairing.join(channel, own, code, inviter(), partner => this.pin(partner, replaces));
      } finally {
        channel.close('pairing is over');
      }
    };
    const joined = await attempt(self)
      .catch((error: unknown) => {
        if (!(error instanceof LockstepError) || error.code !== 'bad-message') throw error;
        const { ha: _unknownThere, ...older } = self; // release 0.1.0 takes no message with it
        return attempt(older);
      })
      .catch((error: unknown) => {
        this.tellWhenPinned(before);
        throw error;
      });
    const { name } = joined.partner;
    this.options.events.emit('paired', { name });
    return {
      partner: { name, host, port, fingerprint: expected },
      ...(before === undefined || isSame(before, joined.partner) ? {} : { replaced: naming(before) }),
      ...(joined.replaces === ''
        ? {}
        : { replacedThere: { old: joined.replaces, new: fingerprint(self.hostKey) } }),
    };
  }

  /** The line broke when all was pinned here: the other unit may have done the same, and then they are a pair. */
  private tellWhenPinned(before: pairing.Partner | undefined): void {
    const { pinned } = this;
    if (pinned !== undefined && pinned !== before) this.options.events.emit('paired', { name: pinned.name });
  }

  /** Answer somebody who was admitted as a candidate. */
  answer(channel: Channel, clientKeyBlob: Buffer): void {
    const invitation = this.openInvitation();
    if (invitation === undefined) {
      channel.close('the invitation is over');
      return;
    }
    pairing.answerJoin(channel, {
      own: this.options.self(),
      ha: this.options.ha(),
      speaksFor: this.options.pairId(),
      pairId: theirs => this.options.pairId() ?? (theirs === '' ? randomUUID() : theirs),
      makeWay: partner => this.makeWay(partner, invitation.replaces),
      clientKeyBlob,
      now: () => this.options.timers.now(),
      invitation: () => this.invitation,
      pin: async partner => {
        await this.pin(partner, invitation.replaces);
        this.options.events.emit('paired', { name: partner.name });
      },
      onRefusal: error => this.options.onRefusal(error, channel.remote.address),
    });
  }

  /** Where the partner was reached, or came from; whether that is news. A full disk keeps nobody from working with it. */
  learn(
    hostKey: string,
    place: Pick<pairing.Partner, 'reached'> | Pick<pairing.Partner, 'cameFrom'>,
  ): Promise<boolean> {
    return this.turn.take(async () => {
      const { pinned } = this;
      if (pinned?.hostKey !== hostKey || isKnown(pinned, place)) return false;
      this.pinned = { ...pinned, ...place };
      await writePartner(this.options.partnerFile, this.pinned).catch((error: unknown) =>
        this.options.log.warn({ reason: String(error) }, 'where the partner is could not be written down'),
      );
      return true;
    });
  }

  /** This unit has no partner any more; durable when it resolves. Throws `not-paired`. */
  async unpair(): Promise<UnpairedAnswer> {
    return this.turn.take(async () => {
      const { pinned } = this;
      if (pinned === undefined) throw new LockstepError('not-paired', 'This unit has no partner.');
      await removeDurable(this.options.partnerFile);
      this.leave();
      this.options.log.warn({ ...naming(pinned) }, 'unpaired');
      return { partner: naming(pinned) };
    });
  }

  private openInvitation(): OpenInvitation | undefined {
    const { invitation } = this;
    if (invitation === undefined || this.options.timers.now() > invitation.expires) return undefined;
    return invitation.spent ? undefined : invitation;
  }

  /** An empty host: wherever the other unit sees this one coming from. */
  private entry(): pairing.Entry {
    const { host, port } = this.options.listening();
    const pairId = this.options.pairId() ?? '';
    return { host: isEveryAddress(host) ? '' : host, port, pairId, ha: this.options.ha() };
  }

  /** Durable before it resolves. */
  private pin(partner: pairing.Partner, replaces: string | undefined): Promise<void> {
    return this.turn.take(async () => {
      const old = this.pinned;
      const replaced = this.makeWay(partner, replaces);
      await writePartner(this.options.partnerFile, partner);
      this.leave();
      await this.options.settle(partner);
      this.pinned = partner;
      const { name, host, port, hostKey } = partner;
      const facts = { partner: name, host, port, fingerprint: fingerprint(hostKey) };
      if (replaced === '') this.options.log.info(facts, 'paired');
      else this.options.log.warn({ ...facts, old: old?.name, oldFingerprint: replaced }, 'partner replaced');
    });
  }

  /** From here on nobody is let in as the partner; what the old one had open is closed. */
  private leave(): void {
    this.invitation = undefined;
    this.pinned = undefined;
    this.options.events.emit('unpaired', {});
  }

  /** The fingerprint of the partner that `partner` takes the place of; empty when it is the same, or there is none. */
  private makeWay(partner: pairing.Partner, replaces: string | undefined): string {
    const { pinned } = this;
    if (pinned === undefined || isSame(pinned, partner)) return '';
    if (replaces === undefined)
      throw alreadyPaired(this.options.self().name, pinned, fingerprint(partner.hostKey));
    this.assertIsPartner(replaces);
    return replaces;
  }

  /** Before anybody is called: the code says whom it would be paired with. */
  private assertFree(offered: string, replaces: string | undefined): void {
    const { pinned } = this;
    if (pinned === undefined || replaces !== undefined || fingerprint(pinned.hostKey) === offered) return;
    throw alreadyPaired(this.options.self().name, pinned, offered);
  }

  /** What the operator was shown must still be so when it is given up. */
  private assertIsPartner(replaces: string | undefined): void {
    const { pinned } = this;
    if (replaces === undefined || pinned === undefined || fingerprint(pinned.hostKey) === replaces) return;
    throw new LockstepError(
      'conflict',
      `The partner of this unit is ${fingerprint(pinned.hostKey)} and not ${replaces}.`,
      { hint: 'Look at lockstep status, and try again.', facts: { pinned: fingerprint(pinned.hostKey) } },
    );
  }
}

function naming({ name, hostKey }: pairing.Partner): { name: string; fingerprint: string } {
  return { name, fingerprint: fingerprint(hostKey) };
}

function isSame(one: pairing.Partner, other: pairing.Partner): boolean {
  return (['hostKey', 'clientKey'] as const).every(key =>
    publicBlob(one[key]).equals(publicBlob(other[key])),
  );
}

function isKnown(
  pinned: pairing.Partner,
  place: Partial<Pick<pairing.Partner, 'reached' | 'cameFrom'>>,
): boolean {
  return (['reached', 'cameFrom'] as const).every(
    name => place[name] === undefined || isSamePlace(place[name], pinned[name]),
  );
}

/** `offered`: fingerprint of the unit that would be the new partner. */
function alreadyPaired(own: string, pinned: pairing.Partner, offered: string): LockstepError {
  const { name, fingerprint: old } = naming(pinned);
  return new LockstepError('already-paired', `${own} is paired with ${name} (${old}), not with ${offered}.`, {
    hint: `Was ${name} replaced on purpose? Then add --replace to lockstep pair on ${own}.`,
    facts: { partner: name, pinned: old, offered },
  });
}

/** The right unit, which lets strangers in only while its invitation is open. */
/** `asShown`: the code was typed as a unit showed it, so another key than the one it names is no slip. */
function asJoinError(error: unknown, asShown: boolean): unknown {
  if (!(error instanceof LockstepError)) return error;
  if (error.facts.reason === 'login-refused') return pairing.wrongCode();
  return error.code === 'key-mismatch' && !asShown ? mistypedCode(error) : error;
}

function mistypedCode({ facts }: LockstepError): LockstepError {
  return new LockstepError(
    'bad-code',
    'The code is not as it was shown: a character of it is wrong. Nothing was sent.',
    {
      hint: 'Copy the whole line that lockstep pair --invite printed. (A code of release 0.1.0 cannot be checked: then the unit shows another key than the code names.)',
      facts,
    },
  );
}
