import type { Asked } from '../../api/contract/methods.ts';
import type { RestoreAnswer } from '../../api/contract/restore.ts';
import { LockstepError } from '../../schema/error.ts';
import { PARTS, type Part } from '../../schema/kind.ts';
import { addPassphrase, knownPassphrase, type PassphraseOptions } from '../bundle/passphrase.ts';
import { withBundle } from '../bundle/send.ts';
import { addDryRun, addReason, type CliCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT } from '../exit.ts';
import { given } from '../given.ts';
import { withProgress } from '../progress.ts';
import { confirmed } from '../prompt.ts';
import { formatRestore } from '../restore-text.ts';

interface Options extends PassphraseOptions {
  parts?: Part[];
  asThisUnit?: boolean;
  asTheOldUnit?: boolean;
  dryRun?: boolean;
  yes?: boolean;
  reason?: string;
}

export const command: CliCommand<[string], Options> = {
  define: command => {
    command
      .argument('<file>', 'a configuration bundle')
      .option(
        '--parts <parts>',
        `which parts, such as vs,certs; default: all (${PARTS.join(', ')})`,
        readParts,
      )
      .option('--as-this-unit', 'this unit keeps what belongs to it (the default)')
      .option('--as-the-old-unit', 'it becomes the unit of the bundle, which it replaces');
    addReason(addDryRun(addPassphrase(command)))
      .option('--yes', 'do not ask')
      .addHelpText(
        'after',
        `
The chosen parts become exactly what the bundle says: records that it does not hold are removed. To a unit belong its
addresses, host name, HA mode, licence, time settings and the password of bal. The whole restore is one revision, which
lockstep rollback undoes. What was restored goes to no partner before lockstep confirm-source.`,
      );
  },

  examples: [
    'lockstep restore lb-a.lockstep --dry-run',
    'lockstep restore lb-a.lockstep --parts vs,certs',
    'lockstep restore lb-a.lockstep --as-the-old-unit --yes --passphrase-file /root/passphrase',
  ],

  async run(context, options, file) {
    if (options.asThisUnit === true && options.asTheOldUnit === true)
      throw new LockstepError('bad-usage', 'Choose one: --as-this-unit or --as-the-old-unit.');
    const passphrase = await knownPassphrase(context, options);
    return withBundle(context, file, async upload => {
      const asked = {
        upload,
        passphrase,
        ...given({ parts: options.parts, reason: options.reason }),
        as: options.asTheOldUnit === true ? ('the-old-unit' as const) : ('this-unit' as const),
      };
      const plan = await withProgress(
        context,
        'Planning',
        context.unit().call('restore', { ...asked, dryRun: true }),
      );
      const answer = options.dryRun === true ? plan : await make(context, plan, options.yes, asked);
      context.out.answer(answer, restored =>
        formatRestore(restored, context.out.paint, isShown(options, plan)),
      );
      return EXIT.done;
    });
  },
};

/** Nothing else than what was shown is made: the plan belongs to one revision. */
async function make(
  context: Context,
  plan: RestoreAnswer,
  yes: boolean | undefined,
  asked: Asked<'restore'>,
): Promise<RestoreAnswer> {
  if (plan.changes.length === 0) return plan;
  if (yes !== true) await confirmed(context, yes, formatRestore(plan, context.out.paint));
  return withProgress(
    context,
    'Restoring',
    context.unit().call('restore', { ...asked, expected: plan.revision }),
  );
}

/** Who is asked has seen the plan. */
function isShown({ dryRun, yes }: Options, plan: RestoreAnswer): boolean {
  return dryRun !== true && yes !== true && plan.changes.length > 0;
}

function readParts(text: string): Part[] {
  const names = text.split(',').map(name => name.trim());
  const parts = PARTS.filter(part => names.includes(part));
  if (parts.length !== new Set(names).size)
    throw new LockstepError(
      'bad-usage',
      `--parts must be of ${PARTS.join(', ')}, not ${JSON.stringify(text)}.`,
      {
        hint: 'Separate them by commas: --parts vs,certs',
      },
    );
  return parts;
}
