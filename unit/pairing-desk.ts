import { randomBytes, randomUUID } from 'node:crypto';
import { LockstepError } from '../schema/error.ts';
import type { Channel } from '../sync/channel.ts';
import { fingerprint, publicBlob, publicLine } from '../sync/keys.ts';
import * as pairing from '../sync/pairing.ts';
import type { Timers } from '../sync/requests.ts';
import type { Invitation, PairedAnswer } from './face.ts';
import type { Log } from './log.ts';
import { readPartner, writePartner } from './partner.ts';

export interface DeskOptions {
  partnerFile: string;
  self(): pairing.Self;
  /** Where this unit listens. */
  listening(): { host: string; port: number };
  dial(host: string, port: number, acceptHostKey: (blob: Buffer) => boolean): Promise<Channel>;
  timers: Timers;
  now(): Date;
  log: Log;
  onPaired(): void;
  onRefusal(error: LockstepError, source: string): void;
}

/** Where units become a pair: invitations, joining, and the one partner whose keys are pinned. */
export class PairingDesk {
  private readonly options: DeskOptions;
  private pinned: pairing.Partner | undefined;
  private invitation: (pairing.Invitation & { pairId: string }) | undefined;

  private constructor(options: DeskOptions, partner: pairing.Partner | undefined) {
    this.options = options;
    this.pinned = partner;
  }

  /** Throws `damaged-store` when the partner file cannot be read. */
  static async open(options: DeskOptions): Promise<PairingDesk> {
    return new PairingDesk(options, await readPartner(options.partnerFile));
  }

  get partner(): pairing.Partner | undefined {
    return this.pinned;
  }

  /** Whose key is it? Strangers come in only while an invitation is open, and may only answer it. */
  admit(key: Buffer): 'partner' | 'candidate' | undefined {
    if (this.pinned !== undefined && publicBlob(this.pinned.clientKey).equals(key)) return 'partner';
    return this.openInvitation() === undefined ? undefined : 'candidate';
  }

  /** A new invitation takes the place of the one before. */
  invite(): Invitation {
    const { hostKey } = this.options.self();
    const { timers, now, log, listening } = this.options;
    const token = randomBytes(16);
    const pairId = this.pinned?.pairId ?? randomUUID();
    this.invitation = { token, pairId, attempts: 0, expires: timers.now() + pairing.INVITATION_MS };
    const expiresAt = new Date(now().getTime() + pairing.INVITATION_MS).toISOString();
    log.info({ until: expiresAt }, 'pairing invited');
    return {
      code: pairing.encodeCode({ hostKeyHash: pairing.hashOfKey(publicBlob(hostKey)), token }),
      fingerprint: fingerprint(hostKey),
      expiresAt,
      ...listening(),
    };
  }

  /** Throws `bad-code`, `key-mismatch`, `already-paired`, `partner-unreachable`, `mismatch`. */
  async join(host: string, port: number, text: string): Promise<PairedAnswer> {
    const code = pairing.decodeCode(text);
    let shown: Buffer = Buffer.alloc(0);
    const isMeant = (blob: Buffer): boolean => {
      shown = blob;
      return pairing.hashOfKey(blob).equals(code.hostKeyHash);
    };
    const channel = await this.options.dial(host, port, isMeant).catch(error => {
      throw asJoinError(error);
    });
    try {
      const hostKey = publicLine(shown);
      this.assertFree(hostKey);
      const { host: own, port: ownPort } = this.options.listening();
      // An empty host: wherever the other unit sees this one coming from.
      const self = { ...this.options.self(), host: isEveryAddress(own) ? '' : own, port: ownPort };
      const { name } = await pairing.join(channel, self, code, { hostKey, host, port }, partner =>
        this.pin(partner),
      );
      this.options.onPaired();
      return { partner: { name, host, port, fingerprint: fingerprint(hostKey) } };
    } finally {
      channel.close('pairing is over');
    }
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
      pairId: invitation.pairId,
      clientKeyBlob,
      now: () => this.options.timers.now(),
      invitation: () => this.invitation,
      pin: async partner => {
        await this.pin(partner);
        this.options.onPaired();
      },
      onRefusal: error => this.options.onRefusal(error, channel.remote.address),
    });
  }

  private openInvitation(): (pairing.Invitation & { pairId: string }) | undefined {
    const { invitation } = this;
    if (invitation === undefined || this.options.timers.now() > invitation.expires) return undefined;
    return invitation.attempts < pairing.MOST_ATTEMPTS ? invitation : undefined;
  }

  /** Durable before it resolves. */
  private async pin(partner: pairing.Partner): Promise<void> {
    this.assertFree(partner.hostKey);
    await writePartner(this.options.partnerFile, partner);
    this.invitation = undefined;
    this.pinned = partner;
    const { name, host, port, hostKey } = partner;
    this.options.log.info({ partner: name, host, port, fingerprint: fingerprint(hostKey) }, 'paired');
  }

  private assertFree(hostKey: string): void {
    const { pinned } = this;
    if (pinned === undefined || publicBlob(pinned.hostKey).equals(publicBlob(hostKey))) return;
    const facts = { partner: pinned.name, fingerprint: fingerprint(pinned.hostKey) };
    throw new LockstepError(
      'already-paired',
      `This unit is paired with ${facts.partner} (${facts.fingerprint}).`,
      {
        hint: 'A unit has one partner.',
        facts,
      },
    );
  }
}

/** Listening there is listening on all addresses of the machine. */
export function isEveryAddress(address: string): boolean {
  return address === '0.0.0.0' || address === '::';
}

/** The right unit, which lets strangers in only while its invitation is open. */
function asJoinError(error: unknown): unknown {
  const refused = error instanceof LockstepError && error.facts.reason === 'login-refused';
  return refused ? pairing.wrongCode() : error;
}
