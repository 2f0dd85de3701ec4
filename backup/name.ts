/** What the name of a bundle ends with. */
export const SUFFIX = '.lockstep';

/** `ha1_2026-11-22.04-30.lockstep`: local time; what does not belong into a file name becomes `-`. */
export function bundleName(unit: string, at: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const name = unit.replaceAll(/[^A-Za-z0-9.-]/g, '-').replace(/^\.+/, '') || 'unit';
  return `${name}_${day}.${two(at.getHours())}-${two(at.getMinutes())}${SUFFIX}`;
}

/** What the bundle `number` of one minute is called, from 2 on: `ha1_2026-11-22.04-30-2.lockstep`. */
export function numbered(file: string, number: number): string {
  const end = file.length - (file.endsWith(SUFFIX) ? SUFFIX.length : 0);
  return number === 1 ? file : `${file.slice(0, end)}-${number}${file.slice(end)}`;
}
