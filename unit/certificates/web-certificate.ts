import { isIP } from 'node:net';
import { daysLeft } from '../../certs/expiry.ts';
import { makeSelfSigned } from '../../certs/self-signed.ts';
import { readX509 } from '../../certs/x509.ts';
import { asLockstepError } from '../../schema/error.ts';
import type { JsonObject } from '../../schema/json.ts';
import type { Store } from '../../store/store.ts';
import type { Log } from '../log/log.ts';
import { WEB_CERTIFICATE } from './registry.ts';

/** How long one that a unit made itself is valid: browsers take no more than 398 days. */
const VALID_DAYS = 397;
const RENEWED_AT_DAYS = 30;
const AUTHOR = 'lockstep';

export interface WebNames {
  hostname: string;
  addresses: string[];
}

/** The record of a certificate that a unit makes for its own web interface: ECDSA P-256, signed by itself. */
export function makeWebCertificate({ hostname, addresses }: WebNames, now: Date): JsonObject {
  const { certificate, key } = makeSelfSigned({
    commonName: hostname,
    names: DNS_NAME.test(hostname) ? [hostname] : [],
    addresses: addresses.filter(address => isIP(address) > 0),
    now,
    days: VALID_DAYS,
  });
  return { certificate, key, selfSigned: true };
}

/** A host may be called what no certificate can say, such as `lb..a`. */
const DNS_NAME = /^[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63})*$/;

/**
 * Whether the unit has to make one: there is none with a key, or its own expires soon or is not valid yet, since the clock was
 * wrong when it was made. A whole one that was given to it stays.
 */
export function webCertificateIsDue(record: JsonObject | undefined, now: Date): boolean {
  if (record?.key === undefined) return true; // also restored from a bundle without keys
  if (record.selfSigned !== true) return false;
  try {
    const x509 = readX509(String(record.certificate));
    return now < x509.notBefore || daysLeft(x509, now) < RENEWED_AT_DAYS;
  } catch {
    return true;
  }
}

/** Makes it where one is due. A unit that cannot, says so in the log and tries again another time. */
export async function keepWebCertificate(store: Store, now: Date, log: Log): Promise<void> {
  try {
    const before = await store.read(WEB_CERTIFICATE);
    if (!webCertificateIsDue(before, now)) return;
    const value = makeWebCertificate(await webNames(store), now);
    const why =
      before === undefined
        ? 'made'
        : before.key === undefined
          ? 'made anew, as its key was missing'
          : 'renewed';
    await store.commit({
      changes: [{ op: 'put', path: WEB_CERTIFICATE, value }],
      kind: 'change',
      author: AUTHOR,
      reason: `the certificate of the web interface is ${why}`,
    });
    log.info({ path: WEB_CERTIFICATE }, `the certificate of the web interface was ${why}`);
  } catch (error) {
    log.warn({ code: asLockstepError(error).code }, 'the certificate of the web interface was not made');
  }
}

/** Host name, and the own and shared address of every interface. */
async function webNames(store: Store): Promise<WebNames> {
  const hostname = String((await store.read('host'))?.hostname ?? 'unit');
  const addresses = new Set<string>();
  for await (const { path, value } of store.list('interfaces')) {
    if (path.split('/').length > 2) continue;
    for (const address of [value.address, value.sharedAddress])
      if (typeof address === 'string') addresses.add(address);
  }
  return { hostname, addresses: [...addresses] };
}
