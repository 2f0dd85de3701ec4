import { isIPv6 } from 'node:net';
import { coverageOfPattern } from '../../certs/names.ts';
import type { X509 } from '../../certs/x509.ts';
import type { JsonObject } from '../../schema/json.ts';

/** A Virtual Service with hosts that its clients would refuse the certificates for. */
export interface ServiceTrouble {
  path: string;
  certificates: string[];
  /** None of the certificates that it shows is for them. */
  hosts: string[];
  /** One is, but says so in its common name alone. */
  byCommonName: string[];
}

/** Names of the certificates that a Virtual Service shows to clients. */
export function ownCertificates({ certificates }: JsonObject): string[] {
  return Array.isArray(certificates) ? certificates.map(String) : [];
}

/** Hosts that clients may ask a Virtual Service for; patterns that stand for any host say nothing. */
export function hostsOf({ allowedHosts }: JsonObject): string[] {
  const hosts = Array.isArray(allowedHosts) ? allowedHosts.map(String) : [];
  return [...new Set(hosts.map(withoutPort))].filter(
    host => host !== '' && !/\*/.test(host.replace(/^\*\./, '')),
  );
}

/** The hosts among `hosts` that are not covered as they should be; undefined: there are none. */
export function hostTrouble(
  hosts: string[],
  shown: readonly X509[],
): Pick<ServiceTrouble, 'hosts' | 'byCommonName'> | undefined {
  const trouble = { hosts: [] as string[], byCommonName: [] as string[] };
  for (const host of hosts) {
    const found = new Set(shown.map(x509 => coverageOfPattern(x509, host)));
    if (found.has('names')) continue;
    (found.has('common-name') ? trouble.byCommonName : trouble.hosts).push(host);
  }
  return trouble.hosts.length + trouble.byCommonName.length === 0 ? undefined : trouble;
}

function withoutPort(host: string): string {
  if (isIPv6(host)) return host;
  const bracketed = /^\[([^\]]*)\](:\d+)?$/.exec(host)?.[1];
  return bracketed ?? host.toLowerCase().replace(/:\d+$/, '');
}
