import { randomBytes } from 'node:crypto';
import type { ProofAnswer } from '../../api/contract/audits.ts';
import {
  checkProof,
  type Keys,
  makeProof,
  type ProvedFacts,
  readSigned,
  type SignedStatement,
  statementBytes,
} from '../../audit/proof.ts';
import { LockstepError } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { Store } from '../../store/store.ts';
import {
  fingerprint,
  isSignature,
  type KeyPair,
  publicBlob,
  publicLine,
  signBytes,
} from '../../sync/ssh/keys.ts';

export type { ProvedFacts };

export interface ProverOptions {
  store: Store;
  hostKey: KeyPair;
  self(): { name: string; unitId: string };
  partner(): { pairId: string; hostKey: string } | undefined;
  askPartner(question: JsonObject): Promise<JsonObject>;
  now(): Date;
}

/** Two words from one moment are asked for, so often at most. */
const MAX_ATTEMPTS = 5;
const CHALLENGE = /^[0-9a-f]{64}$/;
const DIGEST = /^[0-9a-f]{64}$/;

const KEYS: Keys = { fingerprint: key => fingerprint(key), verify: isSignature };

/** Signs what this unit holds with its host key, and asks the partner for the same. */
export class Prover {
  private readonly options: ProverOptions;

  constructor(options: ProverOptions) {
    this.options = options;
  }

  /** Throws `not-paired`, `partner-unreachable`, `bad-proof`. */
  async prove(): Promise<ProofAnswer> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.proveOnce();
      // On a busy pair the two words may be of two moments.
      if (answer.proof !== null || attempt === MAX_ATTEMPTS) return answer;
    }
  }

  private async proveOnce(): Promise<ProofAnswer> {
    const { store, askPartner, partner } = this.options;
    const { digest } = store.head;
    const challenge = randomBytes(32).toString('hex');
    const { held, signed } = await askPartner({ ask: 'sign', challenge, digest });
    const partnerDigest = typeof held === 'string' ? held : '';
    if (partnerDigest !== digest || store.head.digest !== digest)
      return { proof: null, digest: store.head.digest, partnerDigest };
    const theirs = readSigned(signed);
    const pinned = partner()?.hostKey ?? '';
    if (fingerprint(theirs.key) !== fingerprint(pinned))
      throw new LockstepError('bad-proof', 'The partner signed with another key than its host key.');
    return { proof: makeProof(this.sign(challenge), theirs, KEYS), digest, partnerDigest };
  }

  /** The answer to a partner that asks for a statement; signed only when it holds the same. Throws `bad-message`. */
  answer({ challenge, digest, ...more }: JsonObject): JsonObject {
    const held = this.options.store.head.digest;
    const good = typeof challenge === 'string' && CHALLENGE.test(challenge);
    if (!good || typeof digest !== 'string' || !DIGEST.test(digest) || Object.keys(more).join() !== 'ask')
      throw new LockstepError('bad-message', 'The request for a proof is not well formed.');
    return { held, ...(held === digest ? { signed: this.sign(challenge) as never } : {}) };
  }

  private sign(challenge: string): SignedStatement {
    const { store, hostKey, self, partner, now } = this.options;
    const { pairId, hostKey: partnerKey } = partner() ?? { pairId: '', hostKey: '' };
    const { role, digest, revision, epoch } = store.head;
    const { name, unitId } = self();
    const statement = {
      ...{ pair: pairId, unit: unitId, name, role, digest, revision, epoch },
      time: now().toISOString(),
      partnerKey: publicLine(publicBlob(partnerKey)),
      challenge,
    };
    const signature = signBytes(hostKey, statementBytes(statement)).toString('base64');
    return { statement, key: publicLine(publicBlob(hostKey.public)), signature };
  }
}

/** What a proof proves; needs no running unit. Throws `bad-proof`. */
export function checkProofFile(proof: unknown, pins: string[]): ProvedFacts {
  return checkProof(proof, KEYS, pins);
}
