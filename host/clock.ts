import { readFileSync } from 'node:fs';
import { uptime } from 'node:os';
import type { Moment } from './deadline.ts';

let bootId: string | undefined;

/** The clocks of this machine, now. */
export function machineClock(): Moment {
  bootId ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return { wall: Date.now(), uptime: uptime() * 1000, bootId };
}
