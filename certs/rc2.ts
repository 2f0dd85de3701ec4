/** RC2, which PFX files of old are encrypted with and OpenSSL no longer offers. The one file that knows node-forge; it is loaded when needed. */

/** CBC with padding. Undefined: the key does not open it. */
export async function decipherRc2(key: Buffer, iv: Buffer, data: Buffer): Promise<Buffer | undefined> {
  const { default: forge } = await import('node-forge');
  const cipher = forge.rc2.createDecryptionCipher(key.toString('latin1'), key.length * 8);
  cipher.start(iv.toString('latin1'));
  cipher.update(forge.util.createBuffer(data.toString('latin1')));
  return cipher.finish() ? Buffer.from(cipher.output.getBytes(), 'latin1') : undefined;
}
