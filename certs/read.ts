/** Certificates and keys in the files that people have: PEM, DER, PKCS#8, PKCS#12. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { LockstepError } from '../schema/error.ts';
import { orderChain } from './chain.ts';
import { pemBlocks } from './der.ts';
import { readPkcs12 } from './pkcs12.ts';
import { CERTIFICATE_LABELS, readX509, type X509 } from './x509.ts';

export interface CertificateFile {
  /** For messages. */
  name: string;
  bytes: Buffer;
}

export interface ReadCertificate {
  /** PEM: the certificate, then those that lead to its root, in order. */
  certificate: string;
  /** PEM, PKCS#8, unencrypted. */
  key?: string;
}

/**
 * One certificate with its chain, and its key where one is there, from one or more files of any form. Throws LockstepError
 * `certificate-unreadable`, `certificate-missing`, `certificates-several`, `keys-several`, `key-unfit`, `key-unreadable`,
 * `passphrase-needed`, `wrong-passphrase` or `too-large`; none of them quotes what was read.
 */
export async function readCertificateFiles(
  files: CertificateFile[],
  passphrase?: string,
): Promise<ReadCertificate> {
  const certificates: X509[] = [];
  const keys: KeyObject[] = [];
  for (const { bytes } of files) {
    const text = bytes.toString('latin1');
    if (!text.includes('-----BEGIN ')) {
      try {
        certificates.push(readX509(bytes));
      } catch {
        const found = await readPkcs12(bytes, passphrase);
        certificates.push(...found.certificates.map(each => readX509(each)));
        keys.push(...found.keys.map(key => createPrivateKey({ key, format: 'der', type: 'pkcs8' })));
      }
      continue;
    }
    for (const { label, body } of pemBlocks(text)) {
      if (CERTIFICATE_LABELS.has(label)) certificates.push(readX509(Buffer.from(body, 'base64')));
      else if (label.endsWith('PRIVATE KEY'))
        keys.push(
          createPrivateKey({ key: `-----BEGIN ${label}-----${body}-----END ${label}-----\n`, passphrase }),
        );
    }
  }
  const [key] = keys;
  const leaf =
    key === undefined
      ? certificates[0]
      : certificates.find(each => createPublicKey(key).equals(each.publicKey));
  if (leaf === undefined)
    throw new LockstepError('certificate-unreadable', 'The files hold no certificate for the key.');
  const chain = orderChain(
    leaf,
    certificates.filter(each => each !== leaf),
  );
  return {
    certificate: chain.map(each => each.pem).join(''),
    ...(key === undefined ? {} : { key: key.export({ type: 'pkcs8', format: 'pem' }).toString() }),
  };
}
