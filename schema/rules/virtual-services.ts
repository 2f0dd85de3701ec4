import type { Problem } from '../error.ts';
import type { JsonObject } from '../json.ts';
import type { Rule, View } from '../rule.ts';
import { interfacesOf, unitAddresses } from './interfaces.ts';

/** The port that updates travel on (docs/DOMAIN.md, Promises). */
const UPDATE_PORT = '6973';
const SSH_PORT = '22';

/** An address that a Virtual Service may not have, on these ports; undefined: on none at all. */
interface Reserved {
  address: string;
  ports: string[] | undefined;
  because: string;
}

const notOnUnits: Rule = {
  code: 'virtual-service-on-unit-address',
  severity: 'error',
  holds: 'No Virtual Service has an address that belongs to one unit alone.',
  why: 'The address does not move to the other unit on a takeover.',
  hint: 'Use the shared address or another free one.',
  looksAt: ['virtualService', 'interface'],
  check: (view, touched) =>
    conflicts(view, touched, notOnUnits, async () =>
      (await interfacesOf(view)).flatMap(({ path, value }) =>
        unitAddresses(value).map(address => ({
          address,
          ports: undefined,
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
  check: (view, touched) =>
    conflicts(view, touched, notOnUpdatePort, async () => {
      const chosen = (await view.get('ha'))?.updateInterface;
      return sharedAddresses(
        view,
        [UPDATE_PORT],
        'updates travel there',
        path => chosen === undefined || path === `interfaces/${String(chosen)}`,
      );
    }),
};

const notOnSsh: Rule = {
  code: 'virtual-service-on-ssh',
  severity: 'error',
  holds: 'No Virtual Service uses TCP/22 on the address of an interface.',
  why: 'The unit itself is administered there.',
  hint: 'Choose another port or address.',
  looksAt: ['virtualService', 'interface'],
  check: (view, touched) =>
    conflicts(view, touched, notOnSsh, () =>
      sharedAddresses(view, [SSH_PORT], 'the unit is administered there', () => true),
    ),
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
  ports: string[],
  why: string,
  wanted: (path: string) => boolean,
): Promise<Reserved[]> {
  return (await interfacesOf(view))
    .filter(({ path, value }) => wanted(path) && typeof value.sharedAddress === 'string')
    .map(({ path, value }) => ({ address: String(value.sharedAddress), ports, because: `${why} (${path})` }));
}

/**
 * Virtual Services that stand where they must not. A touched Virtual Service is compared with what is reserved;
 * when an interface was touched, the Virtual Services on the reserved addresses are looked up by their ids.
 */
async function conflicts(
  view: View,
  touched: string[],
  rule: Rule,
  reserve: () => Promise<Reserved[]>,
): Promise<Problem[]> {
  const reserved = await reserve();
  if (reserved.length === 0) return [];
  const problems: Problem[] = [];
  const judge = (path: string, value: JsonObject | undefined): void => {
    const hit = value === undefined ? undefined : reserved.find(each => stands(value, each));
    if (hit !== undefined) problems.push({ code: rule.code, path, message: hit.because, hint: rule.hint });
  };
  const services = touched.filter(path => path.startsWith('virtualServices/'));
  for (const path of services) judge(path, await view.get(path));
  if (services.length < touched.length) {
    for (const { address } of reserved) {
      for (const protocol of ['tcp', 'udp']) {
        const host = address.includes(':') ? `[${address}]` : address;
        for await (const { path, value } of view.listPrefix(`virtualServices/${protocol}:${host}:`))
          if (path.split('/').length === 2 && !services.includes(path)) judge(path, value);
      }
    }
  }
  return problems;
}

function stands(service: JsonObject, { address, ports }: Reserved): boolean {
  if (service.address !== address && service.altAddress !== address) return false;
  if (ports === undefined) return true;
  return service.protocol === 'tcp' && ports.some(port => listens(service, Number(port)));
}

/** Also by its extra ports, such as `8443` or `9000-9010`. */
function listens(service: JsonObject, port: number): boolean {
  const more = Array.isArray(service.extraPorts) ? service.extraPorts : [];
  return [service.port, ...more].some(ports => {
    const [first, last = first] = String(ports).split('-').map(Number);
    return ports === '*' || (Number(first) <= port && port <= Number(last));
  });
}

export const virtualServiceRules = [notOnUnits, notOnUpdatePort, notOnSsh, espNeedsLicence];
