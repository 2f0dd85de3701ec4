import { type Check, notChecked, ofBoth, ok, warning } from './check.ts';

export const passwordChecks: Check[] = [
  {
    group: 'pair',
    ofPair: true,
    code: 'bal-password',
    holds: 'The user bal has the same password on both units.',
    why: 'It is not shared: in an emergency nobody wants to guess which of two passwords this unit has.',
    hint: 'lockstep set users/bal/passwordHash on both units asks for it.',
    check: facts =>
      ofBoth(facts, (here, there) => {
        const said = (set: boolean): string => (set ? 'set' : 'not set');
        const sides = { here: said(here.bal.set), there: said(there.bal.set) };
        if (!here.bal.set && !there.bal.set) return notChecked('no unit has one', sides);
        if (here.bal.set !== there.bal.set) return warning('one unit alone has one', sides);
        if (facts.sameBal === null)
          return notChecked(facts.balUnknown, {
            ...sides,
            hint: 'lockstep set users/bal/passwordHash on both units, once.',
          });
        return facts.sameBal ? ok('both know the same one', sides) : warning('the passwords differ', sides);
      }),
  },
];
