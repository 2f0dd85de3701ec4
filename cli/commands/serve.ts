import { Option } from 'commander';
import { LockstepError } from '../../schema/error.ts';
import type { CliCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { given } from '../given.ts';
import { parseHost } from '../host-argument.ts';
import { wholeNumber } from '../number-argument.ts';

interface Options {
  interval: number;
  listen?: string;
  port?: number;
  everyCommit?: boolean;
  mirror: boolean;
  logLevel: string;
  logMegabytes: number;
  logFiles: number;
  scrubHours: number;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const A_DAY = 86_400;
/** Three weeks; timers of Node reach little further. */
const MAX_SCRUB_HOURS = 504;

/** For tests: an answer that its schema does not describe whole is an error. */
const CHECKS_ANSWERS = process.env.LOCKSTEP_CHECK_ANSWERS === '1';

export const command: CliCommand<[], Options> = {
  define: command => {
    command
      .option(
        '--interval <seconds>',
        'time between updates of the standby',
        wholeNumber('--interval', 1, A_DAY),
        120,
      )
      .option(
        '--listen <address[:port]>',
        "address to listen on for the partner (default: the unit's own); an IPv6 address with a port in brackets",
      )
      .option('--port <port>', 'TCP port to listen on for the partner', wholeNumber('--port', 1, 65535))
      .option('--every-commit', 'update the standby on every commit as well')
      .option('--no-mirror', 'keep no files under config/')
      .option(
        '--scrub-hours <hours>',
        'time in which the whole store is verified, in the background; 0: only by verify-store',
        wholeNumber('--scrub-hours', 0, MAX_SCRUB_HOURS),
        24,
      )
      .option(
        '--log-megabytes <number>',
        'size at which the log is put aside as lockstep.jsonl.1; 0: never, logrotate does it (examples/logrotate)',
        wholeNumber('--log-megabytes', 0, 10_000),
        16,
      )
      .option('--log-files <number>', 'how many stay aside', wholeNumber('--log-files', 1, 1_000), 6)
      .addOption(
        new Option('--log-level <level>', 'what goes into the log').choices(LOG_LEVELS).default('info'),
      );
  },

  examples: ['lockstep serve', 'lockstep --dir ./try serve --interval 10 --every-commit'],

  async run({ dir, out }, options) {
    const { interval, listen, port, everyCommit = false, mirror, logLevel, scrubHours } = options;
    const { logMegabytes, logFiles } = options;
    const { serveApi } = await import('../../api/server.ts');
    const { serveUnit } = await import('../../unit/serve.ts');
    const { stopped } = await serveUnit(
      {
        dir,
        intervalSeconds: interval,
        everyCommit,
        mirror,
        logLevel,
        logRotation: { mostBytes: logMegabytes * 1_000_000, files: logFiles },
        scrubHours,
        ...listening(listen, port),
      },
      (unit, socketPath, log, beforeListening) =>
        serveApi({ unit, socketPath, log, beforeListening, checkAnswers: CHECKS_ANSWERS }),
    );
    // Otherwise a service manager reads along, and the log is all that it wants.
    if (process.stdout.isTTY === true)
      out.note(
        `The unit in ${dir} serves. Ctrl-C ends it; in another terminal: lockstep --dir ${dir} status`,
      );
    await stopped;
    return EXIT.done;
  },
};

/** `10.0.0.11`, `[::1]`, `[::1]:7001`. Throws `bad-usage` when the port is given twice and differs. */
function listening(
  listen: string | undefined,
  port: number | undefined,
): { listenAddress?: string; port?: number } {
  if (listen === undefined) return given({ port });
  const said = parseHost(listen);
  if (port !== undefined && said.port !== undefined && port !== said.port)
    throw new LockstepError('bad-usage', `--listen says port ${said.port}, and --port says ${port}.`);
  return given({ listenAddress: said.host, port: port ?? said.port });
}
