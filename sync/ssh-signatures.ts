/**
 * What a unit says about signatures while somebody logs in. ssh2 1.17 says it wrong for RSA keys in two places
 * (docs/decisions, RSA operators): clients that follow the RFCs to the letter then give up.
 */
import { type AuthContext, type Connection, onFirstKeys, type PacketWriter } from './ssh.ts';

/** The signatures that a login may be made with (sync/ssh-login.ts judges them). */
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
  onFirstKeys(connection, (writer, goOn) => {
    const { finalize } = writer;
    writer.finalize = (packet, ...rest) =>
      finalize.call(writer, packet[writer.allocStart] === EXT_INFO ? mended(writer) : packet, ...rest);
    goOn();
    writer.finalize = finalize;
  });
}

function mended(writer: PacketWriter): Buffer {
  const message = extensionInfo();
  const packet = writer.alloc(message.length);
  packet.set(message, writer.allocStart);
  return packet;
}

function extensionInfo(): Buffer {
  const count = Buffer.from([0, 0, 0, 1]);
  return Buffer.concat([Buffer.from([EXT_INFO]), count, text('server-sig-algs'), text(SIGNATURES.join(','))]);
}

function text(value: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([length, Buffer.from(value, 'latin1')]);
}
