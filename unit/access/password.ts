import { randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { LockstepError } from '../../schema/error.ts';
import type { Json } from '../../schema/json.ts';

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
