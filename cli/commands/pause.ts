import type { Pause } from '../../api/contract/shapes.ts';
import { printable } from '../../schema/printable.ts';
import type { CliCommand } from '../command.ts';
import { duration } from '../duration-argument.ts';
import { EXIT } from '../exit.ts';
import { given } from '../given.ts';
import { localTime, until } from '../time.ts';

interface Options {
  for?: number;
  reason: string;
}

export const command: CliCommand<[], Options> = {
  define: command => {
    command
      .option('--for <time>', 'end by itself after this long: 90s, 30m, 2h, 1d', duration('--for'))
      .requiredOption('--reason <text>', 'why, in words; shown to everybody who asks for the status');
  },

  examples: [
    'lockstep pause --reason "trying new rules"',
    'lockstep pause --for 30m --reason "the standby stays as it is while I try something"',
  ],

  async run(context, { for: seconds, reason }) {
    const pause = await context.unit().call('pause', { reason, ...given({ seconds }) });
    context.out.answer(pause, answer => formatPaused(answer, new Date(answer.since)));
    return EXIT.done;
  },
};

function formatPaused(pause: Pause, now: Date): string {
  const end = pause.until === null ? 'until you type lockstep resume' : `until ${localTime(pause.until)}`;
  const left = pause.until === null ? '' : ` (${until(pause.until, now)}), or lockstep resume`;
  return [
    `Updates are paused ${end}${left}: ${printable(pause.reason).replace(/\.$/, '')}.`,
    'Changes are still made here; the standby stays as it is.',
  ].join('\n');
}
