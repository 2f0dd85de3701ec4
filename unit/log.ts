import { join } from 'node:path';
import { type DestinationStream, destination, type Logger, pino } from 'pino';

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
  const log = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: label => ({ level: label }) },
      redact: { paths: REDACTED, censor: '********' },
    },
    linesOfATurn([file, process.stdout]),
  );
  return { log, reopen: () => file.reopen() };
}

/** Characters of the lines of one turn past which they are not held back any more. */
const MOST_OF_A_TURN = 64 * 1024;

/**
 * Writes the lines of one turn of the event loop together, and when that turn is over: an answer or an update that is
 * made in it goes out first. What is not written yet when the process exits is written then.
 */
function linesOfATurn(streams: DestinationStream[]): DestinationStream {
  let lines = '';
  const flush = (): void => {
    const text = lines;
    lines = '';
    if (text !== '') for (const stream of streams) stream.write(text);
  };
  process.on('exit', flush);
  return {
    write: line => {
      if (lines === '') setImmediate(flush);
      lines += line;
      if (lines.length > MOST_OF_A_TURN) flush();
    },
  };
}

const SECRET_FIELDS = ['password', 'passwordHash', 'passphrase', 'key', 'token', 'secret', 'value'];
const REDACTED = SECRET_FIELDS.flatMap(field => [field, `*.${field}`, `*.*.${field}`]);
