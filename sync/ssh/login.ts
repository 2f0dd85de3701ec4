/** Who logs in, by their key. */
import { sshKeyType } from '../../schema/ssh-key.ts';
import { fingerprint, isEd25519Blob } from './keys.ts';
import { type AuthContext, type PublicKeyAuthContext, signedBy } from './ssh2.ts';

/** Units and operators never get what belongs to the other. */
export interface Owner {
  /** Whose key it is, as `admit` or `admitOperator` said. */
  who: string;
  keyBlob: Buffer;
  isOperator: boolean;
}

/** Knows the keys; undefined: nobody's. */
export interface Doorkeeper {
  admit(keyBlob: Buffer, source: { address: string }): string | undefined;
  admitOperator(keyBlob: Buffer): string | undefined;
}

type Refuse = (reason: string, detail?: string) => void;

/** For the mere question whether a key would do, and for the signed login; `refuse` hears why it is nobody. */
export function ownerOf(
  login: AuthContext,
  address: string,
  door: Doorkeeper,
  refuse: Refuse,
): Owner | undefined {
  if (login.method !== 'publickey') {
    // `none` is how every client asks which methods there are, and no attempt to get in.
    if (login.method !== 'none') refuse(`${login.method} is not a way to log in`);
    return undefined;
  }
  const keyBlob = Buffer.from(login.key.data);
  const owner = ownerOfKey(login, keyBlob, address, door, refuse);
  if (owner === undefined || login.signature === undefined || signedBy(keyBlob, login)) return owner;
  refuse('wrong signature', fingerprint(keyBlob));
  return undefined;
}

/** Units have Ed25519 keys; operators may have others, but never sign with SHA-1. */
function ownerOfKey(
  { key, hashAlgo }: PublicKeyAuthContext,
  keyBlob: Buffer,
  address: string,
  door: Doorkeeper,
  refuse: Refuse,
): Owner | undefined {
  const isEd25519 = key.algo === 'ssh-ed25519' && isEd25519Blob(keyBlob);
  const unit = isEd25519 ? door.admit(keyBlob, { address }) : undefined;
  if (unit !== undefined) return { who: unit, keyBlob, isOperator: false };
  const operator = door.admitOperator(keyBlob);
  if (operator === undefined) {
    if (isEd25519) refuse('key is not admitted', fingerprint(keyBlob));
    else refuse('key is not Ed25519');
    return undefined;
  }
  if (key.algo !== sshKeyType(keyBlob) || (key.algo === 'ssh-rsa' && hashAlgo === undefined)) {
    refuse('SHA-1 is no way to sign', fingerprint(keyBlob));
    return undefined;
  }
  return { who: operator, keyBlob, isOperator: true };
}

/** What broke a login, in a fixed sentence where the peer could otherwise vary it and fill the log. */
export function loginFault(error: Error & { level?: string }): string {
  if (error.level === 'handshake') return 'no key exchange was possible';
  if (error.level === 'client-timeout') return 'does not answer any more';
  return error.level === 'socket' ? 'the connection was lost' : 'broke the SSH protocol';
}
