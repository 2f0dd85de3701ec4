/** Public keys of SSH as they stand in a line (RFC 4253, 5656, 8709): which ones an operator may have. Pure. */

/** RSA below has been broken or soon will be; above, one login costs the unit noticeable time. */
const RSA_BITS = { least: 2048, most: 8192 };

/** `TYPE BASE64`, in its one spelling, of a key that operators may have. */
export function isSshPublicKey(line: string): boolean {
  return sshKeyFault(line) === undefined;
}

/** The bytes of a key of the form that `isSshPublicKey` accepts. */
export function sshKeyBlob(line: string): Buffer {
  return Buffer.from(line.split(' ')[1] ?? '', 'base64');
}

/** The type that the bytes of a key begin with; empty when they are no key. */
export function sshKeyType(blob: Buffer): string {
  return (fieldsOf(blob)?.[0] ?? Buffer.alloc(0)).toString('latin1');
}

/** What keeps a line from being an operator's key, as the end of a sentence; undefined: nothing. */
export function sshKeyFault(line: string): string | undefined {
  const [type = '', encoded = '', ...rest] = line.split(' ');
  const blob = Buffer.from(encoded, 'base64');
  const fields = fieldsOf(blob);
  if (rest.length > 0 || fields === undefined || blob.toString('base64') !== encoded || encoded === '')
    return 'is not one public key of SSH: TYPE and BASE64, nothing else';
  const [named, ...parts] = fields;
  if (named?.toString('latin1') !== type) return 'says one type and holds another';
  const [one, two] = parts;
  switch (type) {
    case 'ssh-ed25519':
      return parts.length === 1 && one?.length === 32 ? undefined : 'is not a whole Ed25519 key';
    case 'ecdsa-sha2-nistp256':
      return parts.length === 2 &&
        one?.toString('latin1') === 'nistp256' &&
        two?.length === 65 &&
        two[0] === 4
        ? undefined
        : 'is not a whole ECDSA key';
    case 'ssh-rsa':
      return parts.length === 2 && two !== undefined ? rsaFault(bitsOf(two)) : 'is not a whole RSA key';
    default:
      return `is of the type ${type.slice(0, 40)}; keys are Ed25519, ECDSA on P-256, or RSA`;
  }
}

function rsaFault(bits: number): string | undefined {
  const { least, most } = RSA_BITS;
  return bits < least || bits > most
    ? `is an RSA key of ${bits} bits; it must have ${least} to ${most}`
    : undefined;
}

/** Of a positive number, most significant byte first, perhaps with a zero before it. */
function bitsOf(number: Buffer): number {
  const first = number.findIndex(byte => byte !== 0);
  return first < 0 ? 0 : (number.length - first) * 8 - (Math.clz32(number[first] as number) - 24);
}

/** The strings that a blob consists of; undefined when it does not end where one of them ends. */
function fieldsOf(blob: Buffer): Buffer[] | undefined {
  const fields: Buffer[] = [];
  let at = 0;
  while (at + 4 <= blob.length && fields.length < 4) {
    const end = at + 4 + blob.readUInt32BE(at);
    if (end > blob.length) return undefined;
    fields.push(blob.subarray(at + 4, end));
    at = end;
  }
  return at === blob.length && fields.length > 0 ? fields : undefined;
}
