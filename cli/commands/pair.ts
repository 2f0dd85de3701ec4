import type { Command } from 'commander';
import { LockstepError } from '../../schema/error.ts';
import type { Invitation, PairedAnswer } from '../../unit/face.ts';
import { type CliCommand, given } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit.ts';
import { formatHost, isEveryAddress, parseHost } from '../host-argument.ts';
import { askText } from '../prompt.ts';
import { readText } from '../read.ts';
import { localTime, until } from '../time.ts';

interface Options {
  invite?: boolean;
  code?: string;
}

export const command: CliCommand<[string | undefined], Options> = {
  define: (command: Command) => {
    command
      .argument('[host[:port]]', 'the unit that made the code')
      .option('--invite', 'make a one-time code for the other unit')
      .option('--code <code>', 'the code that the other unit printed; - reads it from standard input');
  },

  examples: [
    'lockstep pair --invite',
    'lockstep pair 10.0.0.11 --code CODE',
    'lockstep pair 10.0.0.11 --code - < code.txt',
  ],

  async run(context, options, host) {
    if (options.invite === true) return invite(context, options, host);
    if (host === undefined) {
      throw new LockstepError('bad-usage', 'Which unit?', {
        hint: 'Type lockstep pair --invite on one unit, then on the other what that prints.',
      });
    }
    const answer = await context
      .unit()
      .join({ ...given(parseHost(host)), code: await codeFrom(context, options.code) });
    context.out.answer(answer, formatPaired);
    return EXIT.done;
  },
};

async function invite(
  { out, unit }: Context,
  { code }: Options,
  host: string | undefined,
): Promise<typeof EXIT.done> {
  if (host !== undefined || code !== undefined) {
    throw new LockstepError('bad-usage', '--invite stands alone: it makes a code, and HOST --code uses one.');
  }
  out.answer(await unit().invite(), invitation => formatInvitation(invitation, new Date()));
  return EXIT.done;
}

async function codeFrom(context: Context, option: string | undefined): Promise<string> {
  if (option === '-') return (await readText('-')).trim();
  if (option !== undefined) return option.trim();
  if (context.interactive) return askText('The code that the other unit printed');
  throw new LockstepError('bad-usage', 'The code is missing.', {
    hint: 'Give it with --code CODE; lockstep pair --invite on the other unit prints it.',
  });
}

export function formatInvitation(
  { code, fingerprint, expiresAt, host, port }: Invitation,
  now: Date,
): string {
  return [
    'On the other unit, type:',
    '',
    `  lockstep pair ${formatHost(isEveryAddress(host) ? 'ADDRESS-OF-THIS-UNIT' : host, port)} --code ${code}`,
    '',
    `The code works once, until ${localTime(expiresAt)} (${until(expiresAt, now)}).`,
    `It carries the key of this unit: ${fingerprint}`,
  ].join('\n');
}

function formatPaired({ partner }: PairedAnswer): string {
  return [
    `Paired with ${partner.name} at ${formatHost(partner.host, partner.port)}.`,
    `Its key, pinned from now on: ${partner.fingerprint}`,
    'lockstep status shows the pair.',
  ].join('\n');
}
