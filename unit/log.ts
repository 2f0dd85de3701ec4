import { join } from 'node:path';
import { type DestinationStream, destination, type Logger, multistream, pino } from 'pino';

export type Log = Pick<Logger, 'info' | 'warn' | 'error' | 'debug'>;

/** Bytes of the log that wait for space on the disk; what comes on top of that is left out of the file. */
const MOST_UNWRITTEN = 1024 * 1024;

/**
 * JSON lines to standard output and to `folder/lockstep.jsonl` (0600). Callers log facts, never records;
 * should a secret ever be among the facts, its field is cut out. `reopen`: for log rotation, on SIGHUP.
 */
export function openLog(folder: string, level: string): { log: Logger; reopen(): void } {
  const dest = join(folder, 'lockstep.jsonl');
  const file = destination({ dest, mode: 0o600, mkdir: true, sync: true, maxLength: MOST_UNWRITTEN });
  // A line that cannot be written (a full disk, a reader that went away) must end neither a commit nor the unit.
  file.on('error', () => undefined);
  for (const stream of [process.stdout, process.stderr])
    stream.removeAllListeners('error').on('error', () => undefined);
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
