import { readFileSync } from 'node:fs';
import type { ErrorCode } from '../../schema/error.ts';
import type { Explanation, LinePattern } from './explanation.ts';

/** The files, which are read when somebody asks; scripts/build.mjs puts them beside the code. */
interface Tables {
  /** Why each error comes, and what to do; what happened is said by the table of codes itself. */
  errors: Partial<Record<ErrorCode, Pick<Explanation, 'causes' | 'look'>>>;
  /** Messages that a unit logs as a warning or an error, by how they begin. Most lines carry a code as well. */
  'log-messages': Record<string, Explanation>;
  /** What a unit logs when all goes its way. */
  ordinary: Record<string, string>;
  /** Lines of keepalived: older releases say `VRRP_Instance(VI_1) …`, newer ones `(VI_1) …`. */
  keepalived: LinePattern[];
  /** Lines of ucarp, and of the appliance's CARP, whose words for the roles are Active and Backup. */
  ucarp: LinePattern[];
}

const FOLDER = new URL('./tables/', import.meta.url);
const known: Partial<Tables> = {};

export function table<Name extends keyof Tables>(name: Name): Tables[Name] {
  known[name] ??= JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8')) as Tables[Name];
  return known[name] as Tables[Name];
}
