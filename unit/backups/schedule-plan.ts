import type { Policy } from '../../backup/retention.ts';
import type { Times } from '../../backup/schedule.ts';
import type { Catalog } from '../../schema/catalog.ts';
import { LockstepError } from '../../schema/error.ts';
import { isObject, type JsonObject } from '../../schema/json.ts';

/** What the record backupSchedule says, with the defaults of its schema, in the time zone of the unit. */
export interface BackupPlan {
  enabled: boolean;
  times: Times;
  /** Of the second unit of a pair, which runs later than the first. */
  isSecond: boolean;
  policy: Policy;
  method: string;
  passphrase: string | undefined;
  /** Where bundles go by SFTP. */
  remote: Record<'host' | 'user' | 'path' | 'key' | 'hostKey', string | undefined>;
}

export async function readBackupPlan(
  catalog: Catalog,
  read: (path: string) => Promise<JsonObject | undefined>,
): Promise<BackupPlan> {
  const [schedule, time, ha] = [await read('backupSchedule'), await read('time'), await read('ha')];
  const properties = catalog.kindNamed('backupSchedule')?.schema.properties as JsonObject;
  const said = (field: string): unknown => {
    const property = properties[field];
    return schedule?.[field] ?? (isObject(property) ? property.default : undefined);
  };
  const number = (field: string): number => Number(said(field));
  const text = (field: string): string | undefined => {
    const value = said(field);
    return typeof value === 'string' ? value : undefined;
  };
  return {
    enabled: said('enabled') === true,
    times: {
      day: number('day'),
      hour: number('hour'),
      minute: number('minute'),
      timeZone: String(time?.timeZone ?? 'UTC'),
    },
    isSecond: ha?.mode === 'second',
    policy: {
      last: number('keepLast'),
      daily: number('keepDaily'),
      weekly: number('keepWeekly'),
      monthly: number('keepMonthly'),
    },
    method: String(said('method')),
    passphrase: text('passphrase'),
    remote: {
      host: text('host'),
      user: text('user'),
      path: text('path'),
      key: text('key'),
      hostKey: text('hostKey'),
    },
  };
}

/** What a run lacks and only a person can give; undefined: nothing. */
export function planFault({ method, passphrase, remote }: BackupPlan): LockstepError | undefined {
  if (passphrase === undefined)
    return new LockstepError('backup-unset', 'This unit has no passphrase for scheduled bundles.', {
      hint: 'lockstep set backupSchedule/passphrase; each unit of a pair has its own.',
      facts: { missing: ['passphrase'] },
    });
  if (method === 'local') return undefined;
  if (method === 'ftp')
    return new LockstepError(
      'backup-method',
      'FTP sends the password and everything else unencrypted, and proves no host: no bundle goes that way.',
      {
        hint: 'lockstep set backupSchedule/method sftp, with host, user, path, key and hostKey; or local.',
        facts: { method },
      },
    );
  return remoteFault(remote);
}

/** What a transfer lacks. */
export function remoteFault(remote: BackupPlan['remote']): LockstepError | undefined {
  const missing = Object.entries(remote)
    .filter(([, value]) => value === undefined)
    .map(([field]) => field);
  if (missing.length === 0) return undefined;
  return new LockstepError('backup-unset', `The backup schedule lacks: ${missing.join(', ')}.`, {
    hint: `lockstep set backupSchedule/${missing[0]}; hostKey is one line of ssh-keyscan -t ed25519 HOST, compared with the host itself.`,
    facts: { missing },
  });
}
