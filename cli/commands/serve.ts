import { type Command, Option } from 'commander';
import { type CliCommand, given } from '../command.ts';
import { EXIT } from '../exit.ts';
import { wholeNumber } from '../number-argument.ts';

interface Options {
  interval: number;
  listen?: string;
  port?: number;
  everyCommit?: boolean;
  mirror: boolean;
  logLevel: string;
  scrubHours: number;
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const A_DAY = 86_400;
/** Three weeks; timers of Node reach little further. */
const MOST_SCRUB_HOURS = 504;

export const command: CliCommand<[], Options> = {
  define: (command: Command) => {
    command
      .option(
        '--interval <seconds>',
        'time between updates of the standby',
        wholeNumber('--interval', 1, A_DAY),
        120,
      )
      .option('--listen <address>', "address to listen on for the partner (default: the unit's own)")
      .option('--port <port>', 'TCP port to listen on for the partner', wholeNumber('--port', 1, 65535))
      .option('--every-commit', 'update the standby on every commit as well')
      .option('--no-mirror', 'keep no files under config/')
      .option(
        '--scrub-hours <hours>',
        'time in which the whole store is verified, in the background; 0: only by verify-store',
        wholeNumber('--scrub-hours', 0, MOST_SCRUB_HOURS),
        24,
      )
      .addOption(
        new Option('--log-level <level>', 'what goes into the log').choices(LOG_LEVELS).default('info'),
      );
  },

  examples: ['lockstep serve', 'lockstep --dir ./try serve --interval 10 --every-commit'],

  async run({ dir }, { interval, listen, port, everyCommit = false, mirror, logLevel, scrubHours }) {
    const { serveApi } = await import('../../api/server.ts');
    const { serveUnit } = await import('../../unit/serve.ts');
    const { stopped } = await serveUnit(
      {
        dir,
        intervalSeconds: interval,
        everyCommit,
        mirror,
        logLevel,
        scrubHours,
        ...given({ listenAddress: listen, port }),
      },
      (unit, socketPath, log) => serveApi({ unit, socketPath, log }),
    );
    await stopped;
    return EXIT.done;
  },
};
