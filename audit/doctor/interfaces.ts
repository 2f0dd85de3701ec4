import { type Check, failure, notChecked, ofBoth, ofEach, ok, warning } from './check.ts';
import type { Interface } from './examination.ts';

export const interfaceChecks: Check[] = [
  {
    group: 'interfaces',
    code: 'link-up',
    holds: 'Every interface with an address or HA checks has its link.',
    why: 'A unit whose production link is down serves nobody, and one whose check link is down cannot tell.',
    hint: 'ip link show NAME on that unit; then the cable and the port of the switch.',
    check: facts =>
      ofEach(facts, ({ interfaces, moreInterfaces = 0 }) => {
        const used = interfaces.filter(({ address, haChecks }) => haChecks || address !== null);
        const fact = used.map(({ name, link }) => `${name} ${link}`).join(', ') || 'none';
        const names = (state: Interface['link']): string =>
          used.flatMap(({ name, link }) => (link === state ? [name] : [])).join(', ');
        if (used.length === 0) return { ...notChecked('no interface is described'), fact };
        if (names('down') !== '') return { ...failure(`no link on ${names('down')}`), fact };
        if (names('missing') !== '')
          return {
            ...warning(`the machine has no interface ${names('missing')}`, {
              hint: 'ip link shows what the machine calls its interfaces.',
            }),
            fact,
          };
        if (names('unknown') !== '')
          return { ...notChecked(`this machine does not say whether ${names('unknown')} is up`), fact };
        return moreInterfaces > 0
          ? {
              ...notChecked(
                `the first ${interfaces.length} are up; ${moreInterfaces} more were not looked at`,
              ),
              fact,
            }
          : { ...ok('all links are up'), fact };
      }),
  },
  {
    group: 'interfaces',
    ofPair: true,
    code: 'interconnections',
    holds: 'The units watch each other over more than one interface.',
    why: 'With a single one, the loss of one cable or switch makes both units active.',
    hint: 'lockstep set interfaces/NAME/haChecks true for a second interface; a direct cable without addresses is one.',
    check: facts =>
      ofBoth(facts, (here, there) => {
        const checks = (interfaces: Interface[]): string[] =>
          interfaces.filter(({ haChecks }) => haChecks).map(({ name }) => name);
        const [own, other] = [checks(here.interfaces), checks(there.interfaces)];
        const both = own.filter(name => other.includes(name));
        const sides = { here: own.join(', ') || 'none', there: other.join(', ') || 'none' };
        return both.length > 1
          ? ok(`HA checks run over ${both.join(', ')}`, sides)
          : warning(
              `HA checks run over ${both.length === 0 ? 'no common interface' : `${both[0]} alone`}`,
              sides,
            );
      }),
  },
];
