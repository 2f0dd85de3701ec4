import type { JsonObject } from '../json.ts';
import type { Rule } from '../rule.ts';

const PATH = 'backupSchedule';

/** Switched on, and by FTP, which is the method where nothing is said. */
export function goesByFtp({ enabled, method = 'ftp' }: JsonObject): boolean {
  return enabled === true && method === 'ftp';
}

const ftpShowsAll: Rule = {
  code: 'backup-schedule-ftp',
  severity: 'error',
  holds: 'A backup schedule that is switched on does not send bundles by FTP.',
  why: 'FTP carries the password and the bundle in the clear and proves no host, so no bundle goes that way.',
  hint: 'Set backupSchedule/method to sftp, with host, user, path, key and hostKey; or to local.',
  looksAt: [PATH],
  async check(view) {
    const schedule = await view.get(PATH);
    if (schedule === undefined || !goesByFtp(schedule)) return [];
    const message =
      schedule.method === undefined
        ? 'it is ftp where nothing is said, which carries the password and the bundle in the clear'
        : 'ftp carries the password and the bundle in the clear';
    return [{ code: ftpShowsAll.code, path: `${PATH}/method`, message, hint: ftpShowsAll.hint }];
  },
};

export const backupScheduleRules = [ftpShowsAll];
