import type { JsonObject } from '../schema/json.ts';

/** A Virtual Service with hosts that none of the certificates that it shows is for. */
export interface ServiceTrouble {
  path: string;
  certificates: string[];
  hosts: string[];
}

/** Names of the certificates that a Virtual Service shows to clients. */
export function ownCertificates({ certificates }: JsonObject): string[] {
  return Array.isArray(certificates) ? certificates.map(String) : [];
}

/** Hosts that clients may ask a Virtual Service for; patterns that stand for any host say nothing. */
export function hostsOf({ allowedHosts }: JsonObject): string[] {
  const hosts = Array.isArray(allowedHosts) ? allowedHosts.map(String) : [];
  return [...new Set(hosts.map(withoutPort))].filter(host => host !== '*' && host !== '');
}

function withoutPort(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, '');
}
