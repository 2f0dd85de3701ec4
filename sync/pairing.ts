import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { LockstepError } from '../schema/error.ts';
import type { Channel } from './channel.ts';
import { contradictions, type HaFacts, strangers, words } from './fit.ts';
import type { HaMode, JoinRequest, Reply } from './message.ts';
import { encodeMessage, parseReply, parseRequest } from './message-format.ts';
import { asError } from './partner-error.ts';
import { publicBlob } from './ssh/keys.ts';

/**
 * Pairing: one unit invites and shows a one-time code, the operator types it on the other. The code carries the
 * fingerprint of the inviting unit's host key, so the joining unit knows whom it talks to before it says anything,
 * and a token, so the inviting unit knows that the operator sent the other. Both proofs cover all four keys:
 * a code that was seen cannot be used to put another key in between.
 */

export const INVITATION_MS = 10 * 60_000;
const TOKEN_BYTES = 16;
/** The last bytes of a token prove that the code was typed as it was shown. */
const PROVING_BYTES = 2;

export interface Code {
  /** SHA-256 of the host key blob. */
  hostKeyHash: Buffer;
  token: Buffer;
}

/** An outstanding invitation; at most one at a time. Times are monotonic milliseconds. */
export interface Invitation {
  token: Buffer;
  expires: number;
  /** It works once. Wrong proofs do not end it: nobody guesses 112 bits, and a counter would serve only who wants to end it. */
  spent: boolean;
}

export interface Place {
  host: string;
  port: number;
}

/** What a unit knows of its partner, kept in `keys/partner.json`. Keys are lines as in authorized_keys. */
export interface Partner {
  pairId: string;
  unitId: string;
  name: string;
  mode: HaMode;
  /** Where it was paired. */
  host: string;
  port: number;
  hostKey: string;
  clientKey: string;
  /** Where it was last reached, and where it last came from with the port that it said to listen on; learned. */
  reached?: Place;
  cameFrom?: Place;
}

export type Self = Pick<Partner, 'unitId' | 'name' | 'mode' | 'hostKey' | 'clientKey'>;

/** What the joining unit says beside who it is: where it listens, and the pair it speaks for (empty: none). */
export type Entry = Pick<Partner, 'host' | 'port' | 'pairId'> & Pick<JoinRequest, 'ha'>;

export function hashOfKey(blob: Buffer): Buffer {
  return createHash('sha256').update(blob).digest();
}

/** 112 random bits, and what makes a slip of the keyboard known as one. */
export function newToken(hostKeyHash: Buffer): Buffer {
  const random = randomBytes(TOKEN_BYTES - PROVING_BYTES);
  return Buffer.concat([random, provingBytes(hostKeyHash, random)]);
}

function provingBytes(hostKeyHash: Buffer, random: Buffer): Buffer {
  return createHash('sha256').update(hostKeyHash).update(random).digest().subarray(0, PROVING_BYTES);
}

/** Whether the code is as a unit showed it. One that a unit of release 0.1.0 made looks like one that is not. */
export function isAsShown({ hostKeyHash, token }: Code): boolean {
  const [random, proving] = [token.subarray(0, -PROVING_BYTES), token.subarray(-PROVING_BYTES)];
  return provingBytes(hostKeyHash, random).equals(proving);
}

/** One word for the operator to copy: 48 bytes, base64url, in groups. */
export function encodeCode({ hostKeyHash, token }: Code): string {
  return (
    Buffer.concat([hostKeyHash, token])
      .toString('base64url')
      .match(/.{1,16}/g)
      ?.join('.') ?? ''
  );
}

/** Throws `bad-code`. */
export function decodeCode(text: string): Code {
  const bytes = Buffer.from(text.replaceAll(/[.\s]/g, ''), 'base64url');
  if (bytes.length !== 32 + TOKEN_BYTES) {
    throw new LockstepError('bad-code', 'This is not a pairing code, or a part of it is missing.', {
      hint: 'Copy the whole line that lockstep pair --invite printed.',
    });
  }
  return { hostKeyHash: bytes.subarray(0, 32), token: bytes.subarray(32) };
}

interface Keys {
  inviter: { hostKey: string; clientKey: string };
  joiner: { hostKey: string; clientKey: string };
}

/** HMAC over the four keys; `who` keeps one side from echoing the proof of the other. */
export function proof(token: Buffer, who: 'inviter' | 'joiner', { inviter, joiner }: Keys): string {
  const mac = createHmac('sha256', token).update(`lockstep pairing ${who}\n`);
  for (const line of [inviter.hostKey, inviter.clientKey, joiner.hostKey, joiner.clientKey])
    mac.update(publicBlob(line));
  return mac.digest('base64');
}

function equalProofs(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/**
 * The joining side. `channel` is open to the host key that the code names. `pin` makes the partner durable: here
 * first, so that a pairing that breaks off in between can simply be done again.
 * Throws `bad-code` and whatever the inviting unit refuses with.
 */
export async function join(
  channel: Channel,
  own: Self & Entry,
  code: Code,
  inviter: { hostKey: string; host: string; port: number },
  pin: (partner: Partner) => Promise<void>,
): Promise<{ partner: Partner; replaces: string }> {
  const replies = repliesOf(channel);
  await channel.send(encodeMessage(joinRequest(own, code, inviter.hostKey)));
  const { partner, replaces } = checkJoined(await replies(), own, code, inviter);
  await pin(partner);
  await channel.send(encodeMessage({ type: 'confirm', id: 2 }));
  const confirmed = await replies();
  if (confirmed.type === 'error') throw asError(confirmed.error);
  return { partner, replaces };
}

/** Each call gives the next reply; rejects when the channel closes before it comes. */
function repliesOf(channel: Channel): () => Promise<Reply> {
  const waiting: { resolve(reply: Reply): void; reject(error: unknown): void }[] = [];
  let closed: LockstepError | undefined;
  channel.onClose(reason => {
    closed = new LockstepError(
      'partner-unreachable',
      `The other unit ended the pairing: ${reason.replace(/\.$/, '')}.`,
    );
    for (const { reject } of waiting.splice(0)) reject(closed);
  });
  channel.onFrame(payload => {
    const waiter = waiting.shift();
    try {
      waiter?.resolve(parseReply(payload));
    } catch (error) {
      waiter?.reject(error);
    }
  });
  return () =>
    new Promise((resolve, reject) => {
      if (closed === undefined) waiting.push({ resolve, reject });
      else reject(closed);
    });
}

function joinRequest(own: Self & Entry, { token }: Code, inviterHostKey: string): JoinRequest {
  const { hostKey, clientKey, name, unitId, mode, pairId, host, port, ha } = own;
  // The inviter's client key is not known yet: this proof covers its host key twice instead.
  const keys = { inviter: { hostKey: inviterHostKey, clientKey: inviterHostKey }, joiner: own };
  return {
    type: 'join',
    id: 1,
    proof: proof(token, 'joiner', keys),
    hostKey,
    clientKey,
    name,
    unitId,
    mode,
    pairId,
    host,
    port,
    ...(ha === undefined ? {} : { ha }),
  };
}

function checkJoined(
  reply: Reply,
  own: Self,
  code: Code,
  inviter: { hostKey: string; host: string; port: number },
): { partner: Partner; replaces: string } {
  if (reply.type === 'error') throw asError(reply.error);
  if (reply.type !== 'joined')
    throw new LockstepError('bad-message', 'The other unit answered with something else than a pairing.');
  const keys = { inviter: { hostKey: inviter.hostKey, clientKey: reply.clientKey }, joiner: own };
  if (!equalProofs(reply.proof, proof(code.token, 'inviter', keys))) throw wrongCode();
  const { pairId, unitId, name, mode, clientKey, replaces } = reply;
  return { partner: { pairId, unitId, name, mode, clientKey, ...inviter }, replaces };
}

export interface InviterOptions {
  own: Self;
  /** What both must have alike, and the pair that this unit speaks for; undefined for a unit that is new. */
  ha: HaFacts;
  speaksFor: string | undefined;
  /** The identity of the pair that comes to be; `theirs`: the one that the joining unit speaks for, or empty. */
  pairId(theirs: string): string;
  /** Fingerprint of the partner that makes way for `partner`; empty for none. Throws `already-paired`. */
  makeWay(partner: Partner): string;
  /** The key that the peer logged in with. */
  clientKeyBlob: Buffer;
  /** Monotonic milliseconds. */
  now(): number;
  invitation(): Invitation | undefined;
  /** Makes the partner durable. */
  pin(partner: Partner): Promise<void>;
  onRefusal(error: LockstepError): void;
}

/** The inviting side: takes one join on `channel`, and pins the other unit once that one has confirmed. */
export function answerJoin(channel: Channel, options: InviterOptions): void {
  let joining: Partner | undefined;
  channel.onFrame(payload => {
    answer(payload).catch((error: unknown) => {
      const known =
        error instanceof LockstepError
          ? error
          : new LockstepError('bad-message', 'A pairing message could not be read.');
      options.onRefusal(known);
      channel
        .send(encodeMessage({ type: 'error', re: 1, error: known.toJSON() }))
        .catch(() => undefined)
        .finally(() => channel.close(known.message));
    });
  });

  async function answer(payload: Buffer): Promise<void> {
    const request = parseRequest(payload);
    if (request.type === 'join' && joining === undefined) {
      const { partner, reply } = takeJoin(request, channel.remote.address, options);
      joining = partner;
      await channel.send(encodeMessage(reply));
    } else if (request.type === 'confirm' && joining !== undefined) {
      await options.pin(joining);
      await channel.send(encodeMessage({ type: 'confirmed', re: request.id }));
    } else {
      throw new LockstepError('not-paired', 'This unit does not know yours; it only takes a pairing.');
    }
  }
}

function takeJoin(
  request: JoinRequest,
  cameFrom: string,
  options: InviterOptions,
): { partner: Partner; reply: Reply } {
  const { own, clientKeyBlob } = options;
  const invitation = checkJoin(request, own, clientKeyBlob, options.invitation(), options.now());
  if (request.mode === own.mode) {
    throw new LockstepError('mismatch', `Both units are in HA ${own.mode} mode.`, {
      hint: 'One is initialised with --mode first, the other with --mode second.',
    });
  }
  if (request.pairId === '' || request.pairId !== options.speaksFor) assertFit(own, options.ha, request);
  const { unitId, name, mode, hostKey, clientKey, port } = request;
  const pairId = options.pairId(request.pairId);
  const host = request.host === '' ? cameFrom : request.host;
  const partner = { pairId, unitId, name, mode, hostKey, clientKey, host, port };
  const replaces = options.makeWay(partner);
  invitation.spent = true; // also while the rest takes its time: a code works once
  return {
    partner,
    reply: {
      type: 'joined',
      re: request.id,
      proof: proof(invitation.token, 'inviter', { inviter: own, joiner: request }),
      pairId,
      clientKey: own.clientKey,
      name: own.name,
      unitId: own.unitId,
      mode: own.mode,
      replaces,
    },
  };
}

/** Two units that were in step before may differ for a moment; others would lose something by their first update. */
function assertFit(own: Self, ha: HaFacts, { name, ha: theirs }: JoinRequest): void {
  const found = theirs === undefined ? [] : [...contradictions(ha, theirs), ...strangers(ha, theirs)];
  const [first] = found;
  if (first === undefined) return;
  throw new LockstepError('mismatch', `${own.name} and ${name} do not go together: ${words(found)}.`, {
    hint: `Whichever is active takes the value of the other: on ${own.name} lockstep set ${first.path} ${first.theirs}, or on ${name} lockstep set ${first.path} ${first.ours}. A standby that is new can be made again with lockstep init.`,
    facts: { different: found.map(({ what, ours, theirs: other }) => ({ what, ours, theirs: other })) },
  });
}

function checkJoin(
  request: JoinRequest,
  own: Self,
  clientKeyBlob: Buffer,
  invitation: Invitation | undefined,
  now: number,
): Invitation {
  if (invitation === undefined || now > invitation.expires || invitation.spent) throw wrongCode();
  const keys = { inviter: { hostKey: own.hostKey, clientKey: own.hostKey }, joiner: request };
  const good =
    publicBlob(request.clientKey).equals(clientKeyBlob) &&
    equalProofs(request.proof, proof(invitation.token, 'joiner', keys));
  if (!good) throw wrongCode();
  return invitation;
}

export function wrongCode(): LockstepError {
  return new LockstepError('bad-code', 'The pairing code is wrong, used or expired.', {
    hint: 'Type lockstep pair --invite again and use the new code within 10 minutes.',
  });
}
