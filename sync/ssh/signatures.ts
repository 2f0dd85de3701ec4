/**
 * What a unit says about signatures while somebody logs in. ssh2 1.17 says it wrong for RSA keys in two places
 * (docs/decisions, RSA operators): clients that follow the RFCs to the letter then give up.
 */
import { type AuthContext, type Connection, onFirstKeys, sayInstead, sshNumber, sshText } from './ssh2.ts';

/** The signatures that a login may be made with (sync/ssh/login.ts judges them). */
const SIGNATURES = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'rsa-sha2-512', 'rsa-sha2-256'];

const EXT_INFO = 7;

/**
 * Lets a login go on, or answers that the key would do. That answer repeats the algorithm that was asked about (RFC 4252, 7;
 * RFC 8332, 3.2); ssh2 puts the type of the key there, which is not the same for RSA.
 */
export function acceptLogin(login: AuthContext): void {
  if (login.method === 'publickey' && login.signature === undefined && login.hashAlgo !== undefined)
    login.key.algo = `rsa-sha2-${login.hashAlgo.replace('sha', '')}`;
  login.accept();
}

/**
 * Says in the first message after the first exchange of keys which signatures are taken (RFC 8308, 3.1). ssh2 leaves a comma out
 * of its list, and names what is not taken here.
 */
export function announceSignatures(connection: Connection): void {
  const taken = [sshNumber(1), sshText('server-sig-algs'), sshText(SIGNATURES.join(','))];
  const message = Buffer.concat([Buffer.from([EXT_INFO]), ...taken]);
  onFirstKeys(connection, goOn => sayInstead(connection, message, goOn));
}
