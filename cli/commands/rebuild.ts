import { Option } from 'commander';
import type { RebuildAnswer } from '../../api/contract/store-care.ts';
import { LockstepError } from '../../schema/error.ts';
import type { CliCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit.ts';
import { given } from '../given.ts';
import { withProgress } from '../progress.ts';
import { askYesNo } from '../prompt.ts';

interface Options {
  fromPartner?: boolean;
  mode?: 'first' | 'second';
  force?: boolean;
  yes?: boolean;
}

export const command: CliCommand<[], Options> = {
  define: command => {
    command
      .option('--from-partner', 'required: where the configuration comes from')
      .addOption(
        new Option('--mode <mode>', 'HA1 or HA2, where the store can no longer tell').choices([
          'first',
          'second',
        ]),
      )
      .option('--force', 'even if the partner is not seen, or the stopped unit was active')
      .option('--yes', 'do not ask')
      .addHelpText(
        'after',
        `
The store is put aside as store.damaged-DATE, files under config/ as config.damaged-DATE. What belongs to the unit is
kept as far as it can be read: its identity, keys, partner and own settings. It starts empty, as standby, and the first
update of the partner fills it. The partner must be active and hold a configuration: when this unit is the active one,
type lockstep takeover on the partner first. Works without the daemon too; then the partner cannot be asked.`,
      );
  },

  examples: ['lockstep rebuild --from-partner', 'lockstep rebuild --from-partner --yes --mode second'],

  async run(context, { fromPartner, mode, force = false, yes }) {
    if (fromPartner !== true)
      throw new LockstepError('bad-usage', 'Say where the configuration comes from.', {
        hint: 'lockstep rebuild --from-partner',
      });
    await assertWanted(context, yes === true);
    const answer = await withProgress(context, 'Rebuilding', rebuild(context, force, mode));
    context.out.answer(answer, formatRebuilt);
    return EXIT.done;
  },
};

async function assertWanted({ interactive }: Context, yes: boolean): Promise<void> {
  if (yes) return;
  if (!interactive)
    throw new LockstepError('bad-usage', 'This throws the store of the unit away.', { hint: 'Say --yes.' });
  if (!(await askYesNo('Throw the store of this unit away and get everything from the partner?', false)))
    throw new LockstepError('bad-usage', 'Cancelled; nothing was changed.');
}

type Rebuilt = RebuildAnswer & { started: boolean };

/** The running unit does it, and knows its partner; without one it is done here. */
async function rebuild(context: Context, force: boolean, mode: Options['mode']): Promise<Rebuilt> {
  try {
    return { ...(await context.unit().call('rebuild', { force })), started: true };
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code !== 'unit-unreachable') throw error;
    if (context.elsewhere !== undefined) throw error;
  }
  const { rebuildOffline } = await import('../../unit/store-care/rebuild.ts');
  const { unitFolder } = await import('../../unit/folder.ts');
  const folder = unitFolder(context.dir);
  return {
    ...(await rebuildOffline({ folder, force, now: new Date(), ...given({ mode }) })),
    started: false,
  };
}

function formatRebuilt({ aside, mode, kept, unreadable, started }: Rebuilt): string {
  return [
    `This unit is empty now, HA ${mode} mode, standby. The old store is in ${aside}.`,
    `Own settings kept: ${kept.length === 0 ? 'none' : kept.join(', ')}.`,
    ...(unreadable.length === 0 ? [] : [`Could not be read, set them again: ${unreadable.join(', ')}.`]),
    started
      ? 'The first update of the partner fills it: lockstep status says when it is in step.'
      : 'Start it with lockstep serve; the first update of the partner fills it.',
  ].join('\n');
}
