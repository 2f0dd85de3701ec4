import { join } from 'node:path';
import { type DestinationStream, type Logger, pino } from 'pino';
import { LogFile, type Rotation } from './file.ts';
import { forPeople } from './for-people.ts';
import { LOG_NAME } from './names.ts';

export type Log = Pick<Logger, 'info' | 'warn' | 'error' | 'debug'>;

/**
 * JSON lines to standard output and to `folder/lockstep.jsonl` (0600). Callers log facts, never records;
 * should a secret ever be among the facts, its field is cut out. `reopen`: another program has put the file aside, on SIGHUP.
 */
export function openLog(
  folder: string,
  level: string,
  rotation: Rotation = DEFAULT_ROTATION,
): { log: Logger; reopen(): void } {
  const file = new LogFile(join(folder, LOG_NAME), rotation);
  // A reader that went away must end neither a commit nor the unit.
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
    linesOfATurn([file, process.stdout.isTTY === true ? forPeople(process.stdout) : process.stdout]),
  );
  return { log, reopen: () => file.reopen() };
}

/** Some 150,000 commits. */
export const DEFAULT_ROTATION: Rotation = { mostBytes: 16_000_000, files: 6 };

/** Characters of the lines of one turn past which they are not held back any more. */
const MAX_OF_A_TURN = 64 * 1024;

/**
 * Writes the lines of one turn of the event loop together, and when that turn is over: an answer or an update that is
 * made in it goes out first. What is not written yet when the process exits is written then.
 */
function linesOfATurn(streams: Pick<DestinationStream, 'write'>[]): DestinationStream {
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
      if (lines.length > MAX_OF_A_TURN) flush();
    },
  };
}

const SECRET_FIELDS = ['password', 'passwordHash', 'passphrase', 'key', 'token', 'secret', 'value'];
const REDACTED = SECRET_FIELDS.flatMap(field => [field, `*.${field}`, `*.*.${field}`]);
