/** PKCS#12 (PFX) files. The one file that knows node-forge, which is loaded when the first such file comes. */
import type { asn1, pkcs12 } from 'node-forge';
import { LockstepError } from '../schema/error.ts';

export interface Pkcs12 {
  /** DER. */
  certificates: Buffer[];
  /** DER of PKCS#8, unencrypted. */
  keys: Buffer[];
}

/** Throws LockstepError. */
export async function readPkcs12(bytes: Buffer, passphrase: string | undefined): Promise<Pkcs12> {
  const { default: forge } = await import('node-forge');
  try {
    const asn1 = forge.asn1.fromDer(forge.util.createBuffer(bytes.toString('binary')));
    const p12 = forge.pkcs12.pkcs12FromAsn1(asn1, false, passphrase ?? '');
    const { pki } = forge;
    const bags = (type: string): pkcs12.Bag[] => p12.getBags({ bagType: type })[type] ?? [];
    const toDer = (value: asn1.Asn1): Buffer => Buffer.from(forge.asn1.toDer(value).getBytes(), 'binary');
    return {
      certificates: bags(pki.oids.certBag as string).flatMap(({ cert }) =>
        cert === undefined ? [] : toDer(pki.certificateToAsn1(cert)),
      ),
      keys: bags(pki.oids.pkcs8ShroudedKeyBag as string).flatMap(({ key }) =>
        key ? toDer(pki.wrapRsaPrivateKey(pki.privateKeyToAsn1(key))) : [],
      ),
    };
  } catch {
    throw new LockstepError('certificate-unreadable', 'The file is neither PEM nor DER nor PKCS#12.');
  }
}
