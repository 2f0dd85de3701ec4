import { LockstepError } from '../../schema/error.ts';
import type { Json } from '../../schema/json.ts';
import {
  count,
  flag,
  listOf,
  number,
  objectWith,
  oneOf,
  optional,
  orNull,
  text,
} from '../../schema/shape.ts';

/** How one unit is, in facts and without secrets: what it tells its partner, and what the checks of the doctor judge. */
export interface Examination {
  unit: {
    id: string;
    name: string;
    mode: 'single' | 'first' | 'second';
    role: 'active' | 'standby';
    model: string;
    release: string;
    schemaDigest: string;
    digest: string;
    /** Fingerprint of its host key. */
    fingerprint: string;
  };
  state: {
    /** Name of the state of the sync machine, and what `status` says of it. */
    sync: string;
    sentence: string;
    inStep: boolean | null;
    /** Revisions that the partner lacks; null on a standby. */
    unsent: number | null;
    heldBack: number;
    branches: number;
    /** Each a sentence, or null. */
    pacified: string | null;
    damaged: string | null;
    /** What its disk refuses; a unit of release 0.1.0 does not say it. */
    refused?: string | null;
    unconfirmed: string | null;
    paused: string | null;
    provisional: string | null;
    /** Could this standby serve what it holds? null: it is no standby. */
    readiness: Readiness | null;
    /** Files under config/ that could not be committed. */
    files: Place[];
  };
  ha: { virtualId: number | null; preferredHost: 'none' | 'first' | 'second' };
  network: {
    gateway: string | null;
    gatewayV6: string | null;
    /** null: it could not be asked. */
    gatewayAnswers: boolean | null;
  };
  interfaces: Interface[];
  /** Rules of the schema that its configuration breaks. */
  rules: Place[];
  /** Codes of the rules that were looked at, of every record that they speak of; a unit of release 0.1.0 does not say it. */
  rulesLooked?: string[];
  /** Interfaces that are not in the list; a unit of release 0.1.0 does not say it. */
  moreInterfaces?: number;
  connection: {
    port: number;
    /** Something of this machine listens there; null: not known. */
    listening: boolean | null;
    /** Its own connection to the partner stands; otherwise why not. */
    reaches: boolean;
    because: string;
    refusal: string | null;
    /** Fingerprint of the partner's host key that it pinned; null: no partner. */
    pinned: string | null;
  };
  time: {
    synchronised: boolean | null;
    /** What said so. */
    by: string;
    zone: string;
    servers: string[];
  };
  /** Of the file system that holds the unit; null: not known. */
  disk: { freeBytes: number; totalBytes: number; freeFiles: number; totalFiles: number } | null;
  /** What the unit takes of that, and how many days it lasts; null: as far as is known, for ever. Release 0.1.0 does not say. */
  space?: {
    storeBytes: number;
    storeFreeBytes: number;
    logBytes: number;
    backupBytes: number;
    incomingBytes: number;
    fullInDays: number | null;
  };
  /** Files of the unit that other users can get at. */
  lax: Place[];
  certificates: {
    /** That of the web interface is one of them. */
    count: number;
    /** So many of Virtual Services have a private key here. */
    keys: number;
    /** The one that ends first; null: there is none. */
    next: { name: string; days: number } | null;
    findings: (Place & { fails: boolean })[];
  };
  backup: {
    /** null: no schedule. */
    method: string | null;
    day: number;
    lastRunAt: string | null;
    lastRunFault: string | null;
    drillAt: string | null;
    drillFault: string | null;
    provedName: string | null;
    provedAt: string | null;
    /** The newest bundle of certificates in its folder; null: none. */
    certificateBundle: { name: string; at: string } | null;
    passphrase: boolean;
    fault: string | null;
  };
  bal: {
    set: boolean;
    /** HMAC under the nonce of whoever asked; null: there is nothing to prove it with. */
    proof: string | null;
  };
}

export interface Place {
  code: string;
  path: string;
  message: string;
}

export interface Readiness {
  ready: boolean | null;
  count: number;
  checkedAt: string | null;
  findings: (Place & { fails: boolean })[];
}

export interface Interface {
  name: string;
  address: string | null;
  prefix: number | null;
  partnerAddress: string | null;
  sharedAddress: string | null;
  haChecks: boolean;
  purpose: 'production' | 'direct-cable' | 'management';
  /** Of the machine. `missing`: the machine has no interface of that name. */
  link: 'up' | 'down' | 'missing' | 'unknown';
}

/** Entries of each list, and characters of a sentence or path of the unit's own making. */
export const MOST = 50;
export const MAX_CHARACTERS = 1000;

const MAX_RULES = 1000;

const word = text(300);
const sentence = text(MAX_CHARACTERS);
const maybe = orNull(sentence);
const places = listOf(objectWith({ code: word, path: sentence, message: sentence }), MOST);

const troubles = listOf(objectWith({ code: word, path: sentence, message: sentence, fails: flag }), MOST);

const examination = objectWith({
  unit: objectWith({
    id: word,
    name: word,
    mode: oneOf('single', 'first', 'second'),
    role: oneOf('active', 'standby'),
    model: word,
    release: word,
    schemaDigest: word,
    digest: word,
    fingerprint: word,
  }),
  state: objectWith({
    sync: word,
    sentence,
    inStep: orNull(flag),
    unsent: orNull(count),
    heldBack: count,
    branches: count,
    pacified: maybe,
    damaged: maybe,
    refused: value => value === undefined || maybe(value),
    unconfirmed: maybe,
    paused: maybe,
    provisional: maybe,
    readiness: orNull(
      objectWith({
        ready: orNull(flag),
        count,
        checkedAt: maybe,
        findings: troubles,
      }),
    ),
    files: places,
  }),
  ha: objectWith({ virtualId: orNull(count), preferredHost: oneOf('none', 'first', 'second') }),
  network: objectWith({ gateway: orNull(word), gatewayV6: orNull(word), gatewayAnswers: orNull(flag) }),
  interfaces: listOf(
    objectWith({
      name: word,
      address: orNull(word),
      prefix: orNull(count),
      partnerAddress: orNull(word),
      sharedAddress: orNull(word),
      haChecks: flag,
      purpose: oneOf('production', 'direct-cable', 'management'),
      link: oneOf('up', 'down', 'missing', 'unknown'),
    }),
    MOST,
  ),
  rules: places,
  rulesLooked: value => value === undefined || listOf(word, MAX_RULES)(value),
  moreInterfaces: value => value === undefined || count(value),
  connection: objectWith({
    port: count,
    listening: orNull(flag),
    reaches: flag,
    because: sentence,
    refusal: orNull(word),
    pinned: orNull(word),
  }),
  time: objectWith({ synchronised: orNull(flag), by: word, zone: word, servers: listOf(word, MOST) }),
  disk: orNull(objectWith({ freeBytes: number, totalBytes: number, freeFiles: number, totalFiles: number })),
  space: optional(
    objectWith({
      storeBytes: count,
      storeFreeBytes: count,
      logBytes: count,
      backupBytes: count,
      incomingBytes: count,
      fullInDays: orNull(number),
    }),
  ),
  lax: places,
  certificates: objectWith({
    count,
    keys: count,
    next: orNull(objectWith({ name: sentence, days: number })),
    findings: troubles,
  }),
  backup: objectWith({
    method: orNull(word),
    day: count,
    lastRunAt: maybe,
    lastRunFault: maybe,
    drillAt: maybe,
    drillFault: maybe,
    provedName: maybe,
    provedAt: maybe,
    certificateBundle: orNull(objectWith({ name: word, at: word })),
    passphrase: flag,
    fault: maybe,
  }),
  bal: objectWith({ set: flag, proof: orNull(text(64)) }),
});

/** What the partner said of itself. Throws `bad-message`. */
export function readExamination(facts: Json): Examination {
  if (examination(facts)) return facts as unknown as Examination;
  throw new LockstepError('bad-message', 'What the partner says of itself is not what this release knows.', {
    hint: 'Bring both units to the same release.',
  });
}
