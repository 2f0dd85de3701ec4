import { existsSync } from 'node:fs';
import { run } from './machine-facts.ts';

/** What the programs that may keep the clock say of it. */
export interface ClockKeepers {
  /** `chronyc -c tracking`; undefined: it did not answer. */
  chrony: string | undefined;
  /** `timedatectl show -p NTPSynchronized --value`; undefined: it did not answer. */
  timedatectl: string | undefined;
  /** systemd-timesyncd has set the clock since the boot. */
  timesyncd: boolean;
}

const TIMESYNCD = '/run/systemd/timesync/synchronized';

export async function askClockKeepers(): Promise<ClockKeepers> {
  const [chrony, timedatectl] = await Promise.all([
    run('chronyc', ['-c', 'tracking']),
    run('timedatectl', ['show', '-p', 'NTPSynchronized', '--value']),
  ]);
  const said = ({ code, said: words }: typeof chrony) => (code === 0 ? words.trim() : undefined);
  return { chrony: said(chrony), timedatectl: said(timedatectl), timesyncd: existsSync(TIMESYNCD) };
}

/** Whether the clock is kept right, and by whom; null: nobody says. */
export function clockKept({ chrony, timedatectl, timesyncd }: ClockKeepers): {
  synchronised: boolean | null;
  by: string;
} {
  // The last of its fields is the leap status.
  const leap = chrony?.split(',').at(-1);
  if (leap) return { synchronised: leap !== 'Not synchronised', by: `chrony says ${leap}` };
  if (timesyncd) return { synchronised: true, by: 'systemd-timesyncd' };
  if (timedatectl === 'yes' || timedatectl === 'no')
    return { synchronised: timedatectl === 'yes', by: `timedatectl says ${timedatectl}` };
  return { synchronised: null, by: 'neither chronyc nor timedatectl says whether the clock is kept right' };
}
