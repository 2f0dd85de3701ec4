import { join } from 'node:path';
import { destination, type DestinationStream, type Logger, multistream, pino } from 'pino';

export type Log = Pick<Logger, 'info' | 'warn' | 'error' | 'debug'>;

/**
 * JSON lines to standard output and to `folder/lockstep.jsonl` (0600). Callers log facts, never records;
 * should a secret ever be among the facts, its field is cut out. `reopen`: for log rotation, on SIGHUP.
 */
export function openLog(folder: string, level: string): { log: Logger; reopen(): void } {
  const file = destination({ dest: join(folder, 'lockstep.jsonl'), mode: 0o600, mkdir: true, sync: true });
  const streams: { stream: DestinationStream; level: 'debug' }[] = [
    { stream: file, level: 'debug' },
    { stream: process.stdout, level: 'debug' },
  ];
  const log = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: label => ({ level: label }) },
      redact: { paths: REDACTED, censor: '********' },
    },
    multistream(streams),
  );
  return { log, reopen: () => file.reopen() };
}

const SECRET_FIELDS = ['password', 'passwordHash', 'passphrase', 'key', 'token', 'secret', 'value'];
const REDACTED = SECRET_FIELDS.flatMap(field => [field, `*.${field}`, `*.*.${field}`]);
