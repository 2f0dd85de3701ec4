import fc from 'fast-check';
import type { JsonObject } from '../../schema/json.ts';
import type { Change } from '../../store/transition.ts';

/**
 * Random configurations of real kinds and random changes of them. Every value that belongs to a unit alone is a mark:
 * something that nothing else can spell, so that finding it on the wire means that it leaked.
 */
export type Step =
  | { on: 'active' | 'standby'; do: 'commit'; changes: Change[] }
  | { on: 'active'; do: 'rollback'; back: number }
  | { on: 'active'; do: 'update' };

const put = (path: string, value: JsonObject): Change => ({ op: 'put', path, value });
const set = (path: string, field: string, value: JsonObject[string]): Change => ({
  op: 'set',
  path,
  field: [field],
  value,
});

const HEX = '0123456789abcdef';
const hex = (length: number) =>
  fc.array(fc.constantFrom(...HEX), { minLength: length, maxLength: length }).map(all => all.join(''));
/** 64 random bits, as a word, an address or a hash: too many to meet by chance. */
const word = hex(16).map(text => `q${text}`);
const address = fc
  .array(fc.integer({ min: 0x1000, max: 0xffff }), { minLength: 6, maxLength: 6 })
  .map(groups => `fd00:1:${groups.map(group => group.toString(16)).join(':')}`);
const hash = hex(43).map(text => `$scrypt$ln=15,r=8,p=1$${text.slice(0, 22)}$${text}`);
/** Values that both units hold, and that are no marks. */
const sharedWord = hex(16).map(text => `s${text}`);
const sharedHash = hex(42).map(text => `$scrypt$ln=15,r=8,p=1$S${text.slice(0, 21)}$S${text}`);

const interfaceName = fc.constantFrom('eth0', 'eth1', 'eth2');
const hostName = fc.integer({ min: 1, max: 12 }).map(index => `hosts/app-${index}`);
const service = fc.integer({ min: 1, max: 4 }).map(index => `virtualServices/tcp:10.1.0.${index}:443`);
const realServer = fc
  .tuple(service, fc.integer({ min: 1, max: 3 }))
  .map(([above, index]) => `${above}/realServers/10.2.0.${index}:8080`);
const rule = fc.integer({ min: 1, max: 4 }).map(index => `rule-${index}`);
const user = fc.constantFrom('ada', 'grace', 'alan').map(name => `users/${name}`);
const small = fc.integer({ min: 1, max: 50 });

/** A site with every record that has a half of each scope: the units start with it. */
export const START: Change[] = [
  ...['ha', 'dns', 'network', 'users/bal', 'interfaces/eth0', 'interfaces/eth1', 'interfaces/eth2'].map(
    path => put(path, {}),
  ),
  put('rules/rule-1', { type: 'match-content' }),
  put('virtualServices/tcp:10.1.0.1:443', {}),
];

/** What belongs to one unit: changed on either, seen by none but itself. */
export const unitChange: fc.Arbitrary<Change> = fc.oneof(
  hash.map(value => set('users/bal', 'passwordHash', value)),
  fc.record({ ntpKeySecret: word, ntpHosts: fc.tuple(word) }).map(value => put('time', value)),
  word.map(value => set('time', 'ntpKeySecret', value)),
  word.map(hostname => put('host', { hostname })),
  word.map(serialNumber => set('licence', 'serialNumber', serialNumber)),
  address.map(value => set('dns', 'nameServers', [value])),
  word.map(value => set('dns', 'searchDomains', [`${value}.example`])),
  fc.tuple(interfaceName, address).map(([name, value]) => set(`interfaces/${name}`, 'address', value)),
  fc
    .tuple(interfaceName, address)
    .map(([name, value]) => set(`interfaces/${name}`, 'additionalAddresses', [`${value}/64`])),
  address.map(value => set('network', 'defaultGatewayV6', value)),
  fc.constant<Change>({ op: 'unset', path: 'users/bal', field: ['passwordHash'] }),
  fc.constant<Change>({ op: 'unset', path: 'dns', field: ['nameServers'] }),
  fc.constant<Change>({ op: 'remove', path: 'time' }),
);

/** Whole collections and records of both scopes go as well, but seldom: else nothing would be left to change. */
const removal: fc.Arbitrary<Change> = fc
  .oneof(
    fc.constantFrom('hosts', 'dns', 'network', 'users/bal'),
    hostName,
    user,
    service,
    realServer,
    rule.map(name => `rules/${name}`),
    interfaceName.map(name => `interfaces/${name}`),
  )
  .map(path => ({ op: 'remove', path }));

const edit: fc.Arbitrary<Change> = fc.oneof(
  fc.tuple(hostName, small).map(([path, index]) => put(path, { address: `10.3.0.${index}` })),
  fc.tuple(user, sharedHash).map(([path, passwordHash]) => put(path, { passwordHash })),
  fc.tuple(user, sharedWord).map(([path, comment]) => set(path, 'comment', comment)),
  user.map((path): Change => ({ op: 'unset', path, field: ['comment'] })),
  rule.map(name => put(`rules/${name}`, { type: 'match-content', pattern: name })),
  fc.tuple(service, sharedWord).map(([path, nickname]) => put(path, { nickname })),
  fc.tuple(realServer, small).map(([path, weight]) => put(path, { weight })),
  fc.tuple(realServer, rule).map(([path, name]) => set(path, 'matchRules', [name])),
  fc.tuple(interfaceName, sharedWord).map(([name, value]) => set(`interfaces/${name}`, 'description', value)),
  fc.tuple(interfaceName, address).map(([name, value]) => put(`interfaces/${name}`, { address: value })),
  small.map(value => set('dns', 'updateInterval', value)),
  small.map(value => set('network', 'connTimeout', value)),
  sharedWord.map(value => set('users/bal', 'comment', value)),
  hash.map(passwordHash => put('users/bal', { passwordHash })),
  small.map(value => set('ha', 'virtualId', value)),
);

const edits = fc.array(fc.oneof({ weight: 3, arbitrary: edit }, { weight: 1, arbitrary: unitChange }), {
  minLength: 1,
  maxLength: 5,
});
const onActive = fc.oneof({ weight: 4, arbitrary: edits }, { weight: 1, arbitrary: fc.tuple(removal) });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: onActive.map((changes): Step => ({ on: 'active', do: 'commit', changes })) },
  { weight: 3, arbitrary: unitChange.map((one): Step => ({ on: 'standby', do: 'commit', changes: [one] })) },
  { weight: 1, arbitrary: fc.nat(10).map((back): Step => ({ on: 'active', do: 'rollback', back })) },
  { weight: 2, arbitrary: fc.constant<Step>({ on: 'active', do: 'update' }) },
);

export const steps = fc.array(step, { minLength: 15, maxLength: 40 });

/** All marks in a value: whatever is long enough to be one. */
export function marksIn(text: string): string[] {
  const found = text.match(/q[0-9a-f]{16}|fd00:1(:[0-9a-f]{4}){6}|[0-9a-f]{43}/g);
  return found ?? [];
}
