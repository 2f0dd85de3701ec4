import { type Check, failure, notChecked, ofEach, ok, warning } from './check.ts';
import type { Examination } from './examination.ts';

const MIB = 1024 * 1024;
/** Of the file system that holds the unit: below this share of it and below so many bytes. A large disk is never full by its share alone. */
const LOW = { share: 0.15, bytes: 2048 * MIB };
const TOO_LOW = { share: 0.05, bytes: 512 * MIB };
/** Below this share of files, whatever the bytes. */
const FEW_FILES = 0.01;
/** Days. */
const LASTS = { days: 14, hardly: 3 };

export const machineChecks: Check[] = [
  {
    group: 'machine',
    code: 'disk-space',
    holds: 'The disk of each unit has space.',
    why: 'On a full disk a commit is refused, and a standby that cannot write falls behind.',
    hint: 'df -h DIR; lockstep backup prune --dry-run shows bundles that could go.',
    check: facts =>
      ofEach(facts, ({ disk }) => {
        if (disk === null) return { ...notChecked('the file system does not say'), fact: 'not known' };
        const fact = spaceOf(disk);
        if (isBelow(disk, TOO_LOW)) return { ...failure(`hardly anything is free: ${fact}`), fact };
        return isBelow(disk, LOW)
          ? { ...warning(`little is free: ${fact}`), fact }
          : { ...ok('there is space'), fact };
      }),
  },
  {
    group: 'machine',
    code: 'disk-lasts',
    holds: 'As it fills up now, the disk of each unit lasts.',
    why: 'A disk that is full at night refuses the change that is needed then.',
    hint: 'lockstep backup prune --dry-run; lockstep set history/most keeps fewer revisions; du -x / finds what else grows.',
    check: facts =>
      ofEach(facts, ({ space }) => {
        if (space === undefined) return { ...notChecked('its release does not say'), fact: 'not known' };
        const fact = sizesOf(space);
        const { fullInDays: days } = space;
        if (days === null || days > LASTS.days) return { ...ok('it lasts'), fact };
        const message = `at this rate it is full in ${days === 1 ? 'a day' : `${days} days`}: ${fact}`;
        return { ...(days <= LASTS.hardly ? failure(message) : warning(message)), fact };
      }),
  },
  {
    group: 'machine',
    code: 'disk-writes',
    holds: 'The disk of each unit takes what its store writes.',
    why: 'Otherwise every commit is refused, and a standby falls behind.',
    hint: 'df -h DIR and df -i DIR on that unit; dmesg where there is space. lockstep status there tells when it is over.',
    check: facts =>
      ofEach(facts, ({ unit, state: { refused } }) => {
        if (refused === undefined)
          return { ...notChecked(`release ${unit.release} does not say it`), fact: 'not known' };
        return refused === null
          ? { ...ok('nothing was refused'), fact: 'taken' }
          : { ...failure(`it refuses, ${refused}`), fact: 'refused' };
      }),
  },
  {
    group: 'machine',
    code: 'file-modes',
    holds: 'No other user can get at the files of a unit.',
    why: 'Whoever reads its keys can pose as the unit, and the daemon does not start any more.',
    hint: 'chmod go= on each. If others were there, make the unit anew and pair it with --replace.',
    check: facts =>
      ofEach(facts, ({ lax }) => {
        const [first] = lax;
        return first === undefined
          ? { ...ok('no other user can'), fact: 'closed' }
          : {
              ...failure(lax.map(({ path, message }) => `${path} has ${message}`).join(', ')),
              fact: `${first.path} ${first.message}`,
            };
      }),
  },
];

function sizesOf(space: NonNullable<Examination['space']>): string {
  const { storeBytes, logBytes, backupBytes, incomingBytes } = space;
  const mebibytes = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;
  return `store ${mebibytes(storeBytes)}, log ${mebibytes(logBytes)}, bundles ${mebibytes(backupBytes + incomingBytes)}`;
}

type Disk = NonNullable<Examination['disk']>;

function isBelow(
  { freeBytes, totalBytes, freeFiles, totalFiles }: Disk,
  { share, bytes }: typeof LOW,
): boolean {
  if (totalFiles > 0 && freeFiles / totalFiles < FEW_FILES) return true;
  return freeBytes < bytes && freeBytes / Math.max(1, totalBytes) < share;
}

function spaceOf({ freeBytes, totalBytes }: Disk): string {
  const mebibytes = (bytes: number): string => `${Math.round(bytes / MIB)} MiB`;
  return `${mebibytes(freeBytes)} of ${mebibytes(totalBytes)} free`;
}
