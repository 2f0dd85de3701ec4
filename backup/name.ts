import type { BundleKind } from './bundle.ts';

/** What the name of a bundle ends with; that of a certificate bundle with more. */
export const SUFFIX = '.lockstep';
const CERTIFICATES_SUFFIX = `.certs${SUFFIX}`;

/** `ha1_2026-11-22.04-30.lockstep`: local time; what does not belong into a file name becomes `-`. */
export function bundleName(unit: string, at: Date, kind: BundleKind = 'configuration'): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const name = unit.replaceAll(/[^A-Za-z0-9.-]/g, '-').replace(/^\.+/, '') || 'unit';
  const suffix = kind === 'certificates' ? CERTIFICATES_SUFFIX : SUFFIX;
  return `${name}_${day}.${two(at.getHours())}-${two(at.getMinutes())}${suffix}`;
}

const DATED = /_(\d{4})-(\d\d)-(\d\d)\.(\d\d)-(\d\d)(?:-(\d+))?$/;

/**
 * When a bundle was made, as its name says in local time; a later one of the same minute is a millisecond later.
 * undefined: the name has no date, or one that there is not.
 */
export function dateNamed(name: string): Date | undefined {
  const suffix = suffixOf(name);
  const found = suffix === '' ? null : DATED.exec(name.slice(0, -suffix.length));
  if (found === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, number = 1] = found
    .slice(1)
    .map(digits => (digits === undefined ? undefined : Number(digits)));
  const at = new Date(year, month - 1, day, hour, minute, 0, number - 1);
  const isOne = at.getMonth() === month - 1 && at.getDate() === day && hour < 24 && minute < 60;
  return isOne ? at : undefined;
}

/** What a bundle says that it holds, before it is opened: what is inside is encrypted, so the name has to tell. */
export function kindNamed(name: string): BundleKind {
  return name.endsWith(CERTIFICATES_SUFFIX) ? 'certificates' : 'configuration';
}

/** What the bundle `number` of one minute is called, from 2 on: `ha1_2026-11-22.04-30-2.lockstep`. */
export function numbered(file: string, number: number): string {
  const suffix = suffixOf(file);
  const end = file.length - suffix.length;
  return number === 1 ? file : `${file.slice(0, end)}-${number}${file.slice(end)}`;
}

function suffixOf(file: string): string {
  return [CERTIFICATES_SUFFIX, SUFFIX].find(each => file.endsWith(each)) ?? '';
}
