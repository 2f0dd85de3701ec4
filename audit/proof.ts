/** A proof that both units of a pair held one digest: two signed statements, which anybody can check. */
import { LockstepError } from '../schema/error.ts';
import { canonicalize, isObject, type Json, type JsonObject } from '../schema/json.ts';

const PROOF_FORMAT = 1;

/** What one unit says, and signs with its host key. */
interface Statement {
  pair: string;
  unit: string;
  name: string;
  role: 'active' | 'standby';
  digest: string;
  revision: number;
  epoch: number;
  /** ISO 8601, by the clock of the unit. */
  time: string;
  /** Public host key of the partner that the unit has pinned. */
  partnerKey: string;
  /** Hex; made by the unit that asked, and the same in both statements. */
  challenge: string;
}

export interface SignedStatement {
  statement: Statement;
  /** `ssh-ed25519 AAAA…` */
  key: string;
  /** Ed25519, base64, over statementBytes. */
  signature: string;
}

interface Proof {
  lockstepProof: typeof PROOF_FORMAT;
  digest: string;
  statements: [SignedStatement, SignedStatement];
}

export interface ProvedFacts {
  digest: string;
  pair: string;
  /** Fingerprints, in the order of the statements. */
  units: (Pick<Statement, 'unit' | 'name' | 'role' | 'revision' | 'epoch' | 'time'> & {
    fingerprint: string;
  })[];
}

/** How keys are read and signatures checked; handed in, since keys are the business of sync/. */
export interface Keys {
  /** Throws for a key that is none. */
  fingerprint(key: string): string;
  verify(key: string, bytes: Buffer, signature: Buffer): boolean;
}

/** Units may differ in their clocks by so much; a proof is about one moment. */
const MAX_APART_MS = 5 * 60_000;
const STATEMENT: Record<keyof Statement, RegExp> = {
  pair: /^[0-9a-z-]{1,64}$/i,
  unit: /^[0-9a-z-]{1,64}$/i,
  name: /^[^\p{Cc}]{1,253}$/u,
  role: /^(active|standby)$/,
  digest: /^[0-9a-f]{64}$/,
  revision: /^\d{1,15}$/,
  epoch: /^\d{1,15}$/,
  time: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
  partnerKey: /^ssh-ed25519 [A-Za-z0-9+/]+=*( |$)/,
  challenge: /^[0-9a-f]{64}$/,
};
const NUMBERS = new Set(['revision', 'epoch']);

/** Bytes that are signed. The prefix keeps them from being anything else that the key signs. */
export function statementBytes(statement: Statement): Buffer {
  return Buffer.from(`lockstep proof ${PROOF_FORMAT}\n${canonicalize({ ...statement })}`);
}

/** A statement as it came from elsewhere. Throws `bad-proof`. */
export function readSigned(value: unknown): SignedStatement {
  const { statement, key, signature } = isObject(value) ? value : ({} as JsonObject);
  if (!isObject(statement) || typeof key !== 'string' || typeof signature !== 'string')
    throw badProof('a statement is not complete');
  const names = Object.keys(STATEMENT);
  const good =
    Object.keys(statement).length === names.length &&
    Object.entries(STATEMENT).every(([name, form]) => isOfForm(name, form, statement[name]));
  if (!good) throw badProof('a statement does not have the fields that it must have');
  return { statement: statement as never, key, signature };
}

function isOfForm(name: string, form: RegExp, value: Json | undefined): boolean {
  return typeof value === (NUMBERS.has(name) ? 'number' : 'string') && form.test(String(value));
}

/** Two statements as one proof. Throws `bad-proof` when they do not prove anything. */
export function makeProof(one: SignedStatement, other: SignedStatement, keys: Keys): Proof {
  const proof: Proof = {
    lockstepProof: PROOF_FORMAT,
    digest: one.statement.digest,
    statements: [one, other],
  };
  checkProof(proof, keys, []);
  return proof;
}

/**
 * What a proof proves. `pins`: fingerprints of the units that it must be of; one is enough, since each signs the key of the
 * other. Throws `bad-proof`.
 */
export function checkProof(value: unknown, keys: Keys, pins: string[]): ProvedFacts {
  if (!isObject(value) || value.lockstepProof !== PROOF_FORMAT || !Array.isArray(value.statements))
    throw badProof('it is no proof of this format');
  const [first, second, ...more] = value.statements;
  if (first === undefined || second === undefined || more.length > 0)
    throw badProof('it does not hold two statements');
  const [one, other] = [readSigned(first), readSigned(second)];
  const units = [provedUnit(one, other, keys), provedUnit(other, one, keys)];
  const { digest, pair } = one.statement;
  if (digest !== other.statement.digest || digest !== value.digest)
    throw badProof('the two units held different digests');
  if (pair !== other.statement.pair) throw badProof('the two units are not of one pair');
  if (one.statement.unit === other.statement.unit || units[0]?.fingerprint === units[1]?.fingerprint)
    throw badProof('both statements are of one unit');
  if (one.statement.challenge !== other.statement.challenge)
    throw badProof('the statements were not made for each other');
  const apart = Math.abs(Date.parse(one.statement.time) - Date.parse(other.statement.time));
  if (!(apart <= MAX_APART_MS)) throw badProof('the statements were not made at one time');
  for (const pin of pins)
    if (!units.some(({ fingerprint }) => fingerprint === pin))
      throw badProof(`neither unit has the key ${pin}`);
  return { digest, pair, units };
}

function provedUnit(
  { statement, key, signature }: SignedStatement,
  { key: partnerKey }: SignedStatement,
  keys: Keys,
): ProvedFacts['units'][number] {
  const { unit, name, role, revision, epoch, time } = statement;
  const fingerprint = fingerprintOf(key, keys);
  if (!keys.verify(key, statementBytes(statement), Buffer.from(signature, 'base64')))
    throw badProof(`the signature of ${name} is not right`);
  if (fingerprintOf(statement.partnerKey, keys) !== fingerprintOf(partnerKey, keys))
    throw badProof(`${name} knows another partner than the one that signed`);
  return { unit, name, role, revision, epoch, time, fingerprint };
}

function fingerprintOf(key: string, keys: Keys): string {
  try {
    return keys.fingerprint(key);
  } catch {
    throw badProof('a key in it is no Ed25519 key');
  }
}

function badProof(why: string): LockstepError {
  return new LockstepError('bad-proof', `The file proves nothing: ${why}.`, {
    hint: 'Make another one with: lockstep audit proof -o FILE',
  });
}
