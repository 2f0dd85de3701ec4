import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { LockstepError } from '../../schema/error.ts';
import type { Json, JsonObject } from '../../schema/json.ts';
import { type Kind, schemaAt } from '../../schema/kind.ts';
import { MASK, mapSecrets, valueAt } from '../../schema/record.ts';

/** RFC 7914: 2^15 × 8 × 128 bytes = 32 MiB a hash. */
const LOG_N = 15;
const R = 8;
const P = 1;
const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);

/** The PHC string that is kept in place of a password: `$scrypt$ln=15,r=8,p=1$salt$hash`, base64 without padding. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await stretch(password, salt);
  return `$scrypt$ln=${LOG_N},r=${R},p=${P}$${unpadded(salt)}$${unpadded(hash)}`;
}

/** 32 bytes that cost as much to guess as the hash. */
export function stretch(password: string, salt: Buffer): Promise<Buffer> {
  return derive(password.normalize('NFC'), salt, 32, {
    N: 2 ** LOG_N,
    r: R,
    p: P,
    maxmem: 64 * 1024 * 1024,
  });
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}

const SHORTEST = 8;

/** `minPassword`: what `access` says. Throws `invalid-value`, which never names the password. */
export function assertLongEnough(path: string, password: string, minPassword: Json | undefined): void {
  const least = typeof minPassword === 'number' ? minPassword : SHORTEST;
  if ([...password].length >= least) return;
  throw new LockstepError('invalid-value', `${path}: a password has at least ${least} characters.`, {
    hint: 'access/minPassword says how many.',
    facts: { path, least },
  });
}

export interface PasswordRules {
  /** What `access` says. */
  minPassword: Json | undefined;
  /** The record as it stands: a password that it has already keeps its hash, so that the same document changes nothing. */
  held?: (() => Promise<JsonObject | undefined>) | undefined;
}

/** The record at `path`, or a part of it, with hashes where it holds passwords. Throws what assertLongEnough throws. */
export async function withHashes(
  kind: Kind,
  path: string,
  value: JsonObject,
  { minPassword, held }: PasswordRules,
): Promise<JsonObject> {
  const passwords: { field: string[]; password: string }[] = [];
  mapSecrets(kind, value, (secret, field) => {
    const isPassword = schemaAt(kind.schema, field)?.format === 'scrypt-hash';
    if (isPassword && typeof secret === 'string' && !secret.startsWith('$scrypt$') && secret !== MASK)
      passwords.push({ field, password: secret });
    return secret;
  });
  if (passwords.length === 0) return value;
  const hashes = new Map<string, string>();
  const now = await held?.();
  for (const { field, password } of passwords) {
    assertLongEnough([path, ...field].join('/'), password, minPassword);
    const before = now === undefined ? undefined : valueAt(now, field);
    const kept = typeof before === 'string' && (await fits(password, before)) ? before : undefined;
    hashes.set(field.join('/'), kept ?? (await hashPassword(password)));
  }
  return mapSecrets(kind, value, (secret, field) => hashes.get(field.join('/')) ?? secret);
}

/** Whether `hash` is of this password, and as hashPassword makes it today. */
async function fits(password: string, hash: string): Promise<boolean> {
  const [, name, parameters, salt = '', kept = ''] = hash.split('$');
  if (name !== 'scrypt' || parameters !== `ln=${LOG_N},r=${R},p=${P}`) return false;
  const found = await stretch(password, Buffer.from(salt, 'base64'));
  const known = Buffer.from(kept, 'base64');
  return found.length === known.length && timingSafeEqual(found, known);
}
