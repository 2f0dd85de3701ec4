import { type Check, notChecked, ofEach, ok, same, UNKNOWN, warning } from './check.ts';

/** The clocks of a pair are to agree within a second (docs/DOMAIN.md, Rules). */
export const MAX_SKEW_MS = 1000;

export const timeChecks: Check[] = [
  {
    group: 'time',
    ofPair: true,
    code: 'clock-skew',
    holds: 'The clocks of the units agree within a second.',
    why: 'The times in logs and history of the two units cannot be laid beside each other otherwise.',
    hint: 'Set both clocks by the same time server: lockstep set time/ntpHosts on each unit.',
    check: ({ skewMs }) => {
      if (skewMs === null) return notChecked(UNKNOWN);
      const here = `the partner is ${(Math.abs(skewMs) / 1000).toFixed(1)} s ${skewMs > 0 ? 'ahead' : 'behind'}`;
      return Math.abs(skewMs) > MAX_SKEW_MS
        ? warning('the clocks disagree', { here })
        : ok('the clocks agree', { here });
    },
  },
  {
    group: 'time',
    code: 'time-synchronised',
    holds: 'Something keeps the clock of each unit right.',
    why: 'A clock that nobody sets drifts: certificates look expired and schedules run at the wrong time.',
    hint: 'timedatectl set-ntp true, or start chronyd; timedatectl shows whether it works.',
    check: facts =>
      ofEach(facts, ({ time: { synchronised, by } }) => {
        if (synchronised === null) return { ...notChecked(by), fact: 'not known' };
        return synchronised
          ? { ...ok('the clock is kept right'), fact: by }
          : { ...warning(`the clock is not synchronised (${by})`), fact: by };
      }),
  },
  {
    group: 'time',
    ofPair: true,
    code: 'time-zone',
    holds: 'Both units have the same time zone.',
    why: 'Backups are made and logs are read in it.',
    hint: 'lockstep set time/timeZone on the unit that has it wrong.',
    check: facts => same(facts, 'the time zone', ({ time }) => time.zone, warning),
  },
  {
    group: 'time',
    ofPair: true,
    code: 'time-servers',
    holds: 'Both units take the time from the same servers.',
    why: 'Two sources of time are two times.',
    hint: 'lockstep set time/ntpHosts on each unit.',
    check: facts => {
      const none = [facts.here, facts.there].every(unit => (unit?.time.servers.length ?? 0) === 0);
      return none
        ? notChecked('no time server is configured', { hint: 'lockstep set time/ntpHosts on each unit' })
        : same(facts, 'the list of time servers', ({ time }) => time.servers.join(', ') || 'none', warning);
    },
  },
];
