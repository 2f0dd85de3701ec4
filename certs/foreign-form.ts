/** What a file is that holds neither PEM, DER nor PFX, and how one of these is made of it: people drop what they were given. */
import { BadDer, items, readDer, TAG } from './der.ts';

/** A sentence with a command that works as typed, but for FILE; undefined: nobody knows. */
export function foreignForm(bytes: Buffer): string | undefined {
  if (bytes.length === 0) return 'It is empty.';
  const start = bytes.subarray(0, 4).toString('hex');
  if (start === 'feedfeed' || start === 'cececece')
    return 'It is a Java keystore: keytool -importkeystore -srckeystore FILE -destkeystore NEW.pfx -deststoretype PKCS12 makes a PFX of it.';
  if (start.startsWith('fffe') || start.startsWith('feff'))
    return 'It is text in UTF-16: iconv -f UTF-16 -t UTF-8 FILE > NEW.pem makes it readable.';
  const text = bytes.toString('latin1').replace(/^\xef\xbb\xbf/, '');
  if (!/^[\t\n\r -~]*$/.test(text)) return undefined;
  return ofText(text.trim());
}

function ofText(text: string): string {
  const base64 = text.replace(/\s+/g, '');
  if (/^[A-Za-z0-9+/]{32,}={0,2}$/.test(base64)) {
    const inner = Buffer.from(base64, 'base64');
    const what = inner.includes('-----BEGIN ') ? 'PEM' : ofDer(inner);
    if (what !== undefined)
      return `It is the base64 of ${what === 'PFX' ? 'a ' : ''}${what}: base64 -d FILE > NEW.${what === 'PFX' ? 'pfx' : what === 'PEM' ? 'pem' : 'der'} makes it readable.`;
  }
  if (/^[{[]/.test(text)) return 'It is JSON: take certificate and key out of it as PEM.';
  if (/^(ssh-|ecdsa-sha2-)/.test(text)) return 'It is an SSH key, and no certificate.';
  return 'It is text without any PEM in it.';
}

function ofDer(bytes: Buffer): 'PFX' | 'DER' | undefined {
  try {
    const [first, second] = items(readDer(bytes, TAG.sequence));
    const isPfx = first?.tag === TAG.integer && first.content[0] === 3 && second?.tag === TAG.sequence;
    return isPfx ? 'PFX' : 'DER';
  } catch (error) {
    if (!(error instanceof BadDer)) throw error;
    // NSS writes lengths that are told at the end.
    return bytes[0] === TAG.sequence && bytes[1] === 0x80 ? 'PFX' : undefined;
  }
}

/** Text that programs write beside their certificates: settings, requests, notes. Nobody misses it in a configuration. */
export function isCompanion(bytes: Buffer): boolean {
  const text = bytes.toString('latin1');
  if (/-----BEGIN [A-Z0-9 ]*(CERTIFICATE|PRIVATE KEY|PKCS7)-----/.test(text)) return false;
  if (text.includes('-----BEGIN ')) return true;
  return bytes.length === 0 || /^It is (text without|JSON|an SSH key)/.test(foreignForm(bytes) ?? '');
}
