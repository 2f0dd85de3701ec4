/** Every method of the API. */

import type { Readable } from 'node:stream';
import { AUDITS } from './audits.ts';
import { BACKUPS } from './backups.ts';
import { BRANCHES } from './branches.ts';
import { CERTIFICATES } from './certificates.ts';
import { CHANGES } from './changes.ts';
import { CONFIGURATION } from './configuration.ts';
import { DOCTOR } from './doctor.ts';
import { EVENTS, type Event } from './events.ts';
import type { AnyMethod, FileAnswer, Handler } from './method.ts';
import { PAIR } from './pair.ts';
import { RESTORE } from './restore.ts';
import type { Of } from './schema.ts';
import { STATUS } from './status.ts';
import { STORE_CARE } from './store-care.ts';

/** By the part of the document that they stand in. */
export const NOUNS = {
  status: STATUS,
  configuration: CONFIGURATION,
  changes: CHANGES,
  branches: BRANCHES,
  pair: PAIR,
  backups: BACKUPS,
  restore: RESTORE,
  certificates: CERTIFICATES,
  audits: AUDITS,
  doctor: DOCTOR,
  events: EVENTS,
  store: STORE_CARE,
};

export const METHODS = {
  ...STATUS,
  ...CONFIGURATION,
  ...CHANGES,
  ...BRANCHES,
  ...PAIR,
  ...BACKUPS,
  ...RESTORE,
  ...CERTIFICATES,
  ...AUDITS,
  ...DOCTOR,
  ...EVENTS,
  ...STORE_CARE,
};

export type MethodName = keyof typeof METHODS;
export const METHOD_NAMES = Object.keys(METHODS) as MethodName[];

type Contract = typeof METHODS;
/** What is asked of a method: its query or body; of one that takes a file, the bytes. */
export type Asked<Name extends MethodName> = Name extends 'upload'
  ? { bytes: Readable }
  : Of<Contract[Name]['asks']>;
/** What it answers. */
export type Answer<Name extends MethodName> = Name extends 'backup'
  ? FileAnswer<Of<Contract['backup']['answer']>>
  : Name extends 'events'
    ? AsyncIterable<Event>
    : Of<Contract[Name]['answer']>;

/** What a unit does for each method. */
export type Handlers = { [Name in MethodName]: Handler<Asked<Name>, Answer<Name>> };

export function methodOf(name: MethodName): AnyMethod {
  return METHODS[name];
}
