import type { ConfirmSourceAnswer } from '../../api/contract/pair.ts';
import type { Status } from '../../api/contract/status.ts';
import { LockstepError } from '../../schema/error.ts';
import { printable } from '../../schema/printable.ts';
import type { CliCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit.ts';
import { askYesNo } from '../prompt.ts';
import { plural } from '../quantity.ts';
import { ago } from '../time.ts';

interface Options {
  yes?: boolean;
}

export const command: CliCommand<[], Options> = {
  define: command => {
    command
      .option('--yes', 'do not ask')
      .addHelpText(
        'after',
        '\nA unit whose configuration was restored sends it to nobody before somebody has looked at it.',
      );
  },

  examples: ['lockstep confirm-source', 'lockstep confirm-source --yes'],

  async run(context, { yes = false }) {
    if (!yes && !(await isAgreed(context))) return EXIT.refused;
    context.out.answer(await context.unit().call('confirmSource'), formatConfirmed);
    return EXIT.done;
  },
};

/** Nothing to confirm needs no question. */
async function isAgreed(context: Context): Promise<boolean> {
  const { unit, at } = await context.unit().call('status');
  if (unit.unconfirmed === undefined) return true;
  if (!context.interactive) {
    throw new LockstepError('bad-usage', 'Somebody has to confirm this, and nobody can be asked here.', {
      hint: 'Type it in a terminal, or add --yes.',
    });
  }
  return askYesNo(question(unit, new Date(at)), false);
}

function question({ unconfirmed, revision, records }: Status['unit'], now: Date): string {
  const { by = '', why = '', since = '' } = unconfirmed ?? {};
  const restored = `revision ${revision}, ${plural(records, 'shared record')}, was restored ${ago(since, now)} by ${printable(by)} (${printable(why)})`;
  return `What this unit holds, ${restored}. May it overwrite what the partner holds?`;
}

function formatConfirmed({ confirmed }: ConfirmSourceAnswer): string {
  if (confirmed === null) return 'There is nothing to confirm: nothing unconfirmed was restored here.';
  return 'Confirmed: what this unit holds may be a source again.';
}
