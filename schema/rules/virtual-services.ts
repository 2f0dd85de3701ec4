import { isIPv6 } from 'node:net';
import { broadcastOf, takesTrafficOf, unservable } from '../address.ts';
import type { ConfigRecord } from '../document.ts';
import type { Problem } from '../error.ts';
import type { JsonObject } from '../json.ts';
import { namesAtAddress, standsAt } from '../places.ts';
import type { Rule, View } from '../rule.ts';
import type { Judged } from '../tightened.ts';
import { interfacesOf, unitAddresses } from './interfaces.ts';
import { overlapRules, servicePath } from './overlap.ts';

/** The port that updates travel on (docs/DOMAIN.md, Promises). */
const UPDATE_PORT = 6973;
const SSH_PORT = 22;

/** An address that a Virtual Service may not have, on these ports; undefined: on none at all. */
interface Reserved {
  address: string;
  port: number | undefined;
  because: string;
}

const notOnUnits: Rule = {
  code: 'virtual-service-on-unit-address',
  severity: 'error',
  holds: 'No Virtual Service has an address that belongs to one unit alone.',
  why: 'The address does not move to the other unit on a takeover.',
  hint: 'Use the shared address or another free one.',
  looksAt: ['virtualService', 'interface'],
  check: (view, touched, judged) =>
    conflicts(view, touched, judged, notOnUnits, async () =>
      (await interfacesOf(view)).flatMap(({ path, value }) =>
        unitAddresses(value).map(address => ({
          address,
          port: undefined,
          because: `${address} belongs to a unit (${path})`,
        })),
      ),
    ),
};

const notOnUpdatePort: Rule = {
  code: 'virtual-service-on-update-port',
  severity: 'error',
  holds: 'No Virtual Service uses TCP/6973 on the update interface.',
  why: 'Updates between the units travel there.',
  hint: 'Choose another port, or move the updates to another interface.',
  looksAt: ['virtualService', 'interface', 'ha'],
  check: (view, touched, judged) =>
    conflicts(view, touched, judged, notOnUpdatePort, async () => {
      const chosen = (await view.get('ha'))?.updateInterface;
      return sharedAddresses(
        view,
        UPDATE_PORT,
        'updates travel there',
        path => chosen === undefined || path === `interfaces/${String(chosen)}`,
      );
    }),
};

const notOnSsh: Rule = {
  code: 'virtual-service-on-ssh',
  severity: 'error',
  holds:
    'No Virtual Service uses the port of SSH (access/sshPort, 22 where nothing is said) on the address of an interface.',
  why: 'The unit itself is administered there.',
  hint: 'Choose another port or address.',
  looksAt: ['virtualService', 'interface', 'access'],
  check: (view, touched, judged) =>
    conflicts(view, touched, judged, notOnSsh, async () => {
      // Earlier releases kept 22 free, whatever port was set.
      const set = judged === 'new' ? (await view.get('access'))?.sshPort : undefined;
      const port = typeof set === 'number' ? set : SSH_PORT;
      return sharedAddresses(view, port, 'the unit is administered there', () => true);
    }),
};

const reachable: Rule = {
  code: 'virtual-service-unreachable-address',
  severity: 'warning',
  inBackground: true,
  holds: 'The address of a Virtual Service is no loopback, multicast or broadcast address.',
  why: 'No client in the network gets an answer from there.',
  hint: 'Give it an address of a network that clients can reach.',
  looksAt: ['virtualService'],
  async check(view, touched) {
    const problems: Problem[] = [];
    const broadcasts = (await interfacesOf(view)).flatMap(({ value }) => broadcastsOf(value));
    for (const path of touched) {
      const value = await view.get(path);
      for (const field of value === undefined ? [] : ['address', 'altAddress']) {
        const address = value?.[field];
        if (typeof address !== 'string') continue;
        const what = unservable(address) ?? (broadcasts.includes(address) ? 'broadcast' : undefined);
        if (what !== undefined)
          problems.push({
            code: reachable.code,
            path: `${path}/${field}`,
            message: `${address} is a ${what} address, which no client can be served at`,
            hint: reachable.hint,
          });
      }
    }
    return problems;
  },
};

function broadcastsOf({ address, sharedAddress, prefix, additionalAddresses }: JsonObject): string[] {
  const networks = (Array.isArray(additionalAddresses) ? additionalAddresses : []).map(String);
  const own = [address, sharedAddress].map(each => `${String(each)}/${String(prefix)}`);
  return [...networks, ...own].flatMap(network => {
    const [host = '', bits = ''] = network.split('/');
    return broadcastOf(host, Number(bits)) ?? [];
  });
}

const answersHold: Rule = {
  code: 'check-pattern-with-head',
  severity: 'tightened',
  holds: 'A check that looks for a pattern asks with GET, POST or OPTIONS, not with HEAD.',
  why: 'The answer to HEAD has no body, so the pattern is never found and every Real Server is down.',
  hint: 'Set checkMethod to get first, or remove checkPattern.',
  looksAt: ['virtualService', 'subVirtualService'],
  async check(view, touched) {
    const problems: Problem[] = [];
    for (const path of touched) {
      const { checkType = 'tcp', checkMethod = 'head', checkPattern } = (await view.get(path)) ?? {};
      if (checkPattern !== undefined && checkMethod === 'head' && /^https?$/.test(String(checkType)))
        problems.push({
          code: answersHold.code,
          path: `${path}/checkPattern`,
          message:
            'the check asks with HEAD (checkMethod, head where nothing is said), and the answer to that has no body to look into',
          hint: answersHold.hint,
        });
    }
    return problems;
  },
};

const espNeedsLicence: Rule = {
  code: 'esp-not-licensed',
  severity: 'warning',
  holds: 'A unit that runs Virtual Services with ESP is licensed for it.',
  why: 'A unit without ESP cannot serve them after a takeover.',
  hint: 'License the unit for ESP (licence/esp), or switch ESP off.',
  looksAt: ['licence'],
  check: async view => {
    const licence = await view.get('licence');
    if (licence === undefined || licence.esp === true) return [];
    for await (const sso of view.list('sso/domains')) {
      for await (const source of view.referrers(sso.path)) {
        if ((await view.get(source))?.espEnabled === true)
          return [
            {
              code: espNeedsLicence.code,
              path: source,
              message: 'ESP is on, but this unit is not licensed for it',
              hint: espNeedsLicence.hint,
            },
          ];
      }
    }
    return [];
  },
};

async function sharedAddresses(
  view: View,
  port: number,
  why: string,
  wanted: (path: string) => boolean,
): Promise<Reserved[]> {
  return (await interfacesOf(view))
    .filter(({ path, value }) => wanted(path) && typeof value.sharedAddress === 'string')
    .map(({ path, value }) => ({ address: String(value.sharedAddress), port, because: `${why} (${path})` }));
}

/**
 * Virtual Services that stand where they must not. A touched Virtual Service is compared with what is reserved;
 * when an interface was touched, the Virtual Services on the reserved addresses are looked up by their ids and place names.
 */
async function conflicts(
  view: View,
  touched: string[],
  judged: Judged,
  rule: Rule,
  reserve: () => Promise<Reserved[]>,
): Promise<Problem[]> {
  const reserved = await reserve();
  if (reserved.length === 0) return [];
  const problems: Problem[] = [];
  const seen = new Set<string>();
  const judge = (path: string, value: JsonObject | undefined): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const hit = value === undefined ? undefined : reserved.find(each => stands(value, each, judged));
    if (hit !== undefined) problems.push({ code: rule.code, path, message: hit.because, hint: rule.hint });
  };
  const services = touched.filter(path => path.startsWith('virtualServices/'));
  for (const path of services) judge(path, await view.get(path));
  if (services.length < touched.length)
    for (const { address } of reserved)
      for await (const { path, value } of servicesAt(view, address)) judge(path, value);
  return problems;
}

/** Virtual Services that have the address, in whatever field and spelling. */
async function* servicesAt(view: View, address: string): AsyncIterable<ConfigRecord> {
  const every = isIPv6(address) ? ['::'] : ['0.0.0.0', '::'];
  for (const protocol of ['tcp', 'udp']) {
    for (const each of [address, ...every])
      for await (const record of view.listPrefix(servicePath(protocol, each, '')))
        if (record.path.split('/').length === 2) yield record;
    for (const name of namesAtAddress(protocol, address))
      for await (const path of view.referrers(name)) {
        const value = await view.get(path);
        if (value !== undefined) yield { path, value };
      }
  }
}

function stands(service: JsonObject, { address, port }: Reserved, judged: Judged): boolean {
  const { protocol, addresses, ports } = standsAt(service);
  const isThere =
    judged === 'new'
      ? addresses.some(each => takesTrafficOf(each, address))
      : service.address === address || service.altAddress === address;
  if (!isThere || port === undefined) return isThere;
  return protocol === 'tcp' && ports.some(({ first, last }) => first <= port && port <= last);
}

export const virtualServiceRules = [
  notOnUnits,
  notOnUpdatePort,
  notOnSsh,
  reachable,
  answersHold,
  espNeedsLicence,
  ...overlapRules,
];
