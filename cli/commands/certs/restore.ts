import type { Asked } from '../../../api/contract/methods.ts';
import type { Others, RestoreCertificatesAnswer } from '../../../api/contract/restore.ts';
import { LockstepError } from '../../../schema/error.ts';
import { addPassphrase, knownPassphrase, type PassphraseOptions } from '../../bundle/passphrase.ts';
import { withBundle } from '../../bundle/send.ts';
import { formatCertificateRestore } from '../../certs/restore-text.ts';
import { exitOf } from '../../changes.ts';
import { addChangeOptions, type ChangeOptions, type CliCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { EXIT } from '../../exit.ts';
import { given } from '../../given.ts';
import { withProgress } from '../../progress.ts';
import { askChoice, confirmed } from '../../prompt.ts';

interface Options extends PassphraseOptions, ChangeOptions {
  select: string[];
  newer?: boolean;
  replace?: boolean;
  keep?: boolean;
  yes?: boolean;
}

/** Put certificates of a certificate bundle here: a plan, a question, one commit. */
export const command: CliCommand<[string], Options> = {
  define: command => {
    command
      .argument('<file>', 'a certificate bundle')
      .requiredOption(
        '--select <which...>',
        'full (all), vs (of Virtual Services), third (intermediates), or names',
      )
      .option(
        '--newer',
        'where this unit has another certificate of the same name: keep the newer of the two',
      )
      .option('--replace', 'where this unit has another one: take that of the bundle')
      .option('--keep', 'where this unit has another one: keep it')
      .option('--yes', 'do not ask');
    addChangeOptions(addPassphrase(command)).addHelpText(
      'after',
      '\nA restore is one revision, which lockstep rollback undoes. It adds and replaces certificates, and removes none.',
    );
  },

  examples: [
    'lockstep certs restore keys.lockstep --select full --dry-run',
    'lockstep certs restore keys.lockstep --select shop www.site.example --newer --yes',
  ],

  async run(context, options, file) {
    const { select, dryRun, yes, reason, confirm, wait } = options;
    const others = readOthers(options);
    const passphrase = await knownPassphrase(context, options);
    return withBundle(context, file, async upload => {
      const asked = { upload, passphrase, select, ...given({ others, reason, confirm, wait }) };
      const plan = await planned(context, asked);
      if (dryRun === true) {
        tell(context, plan);
        return EXIT.done;
      }
      const answer = await make(context, plan, yes, asked);
      tell(context, answer);
      return exitOf(answer);
    });
  },
};

type Wanted = Asked<'restoreCertificates'>;

function planned(context: Context, asked: Wanted): Promise<RestoreCertificatesAnswer> {
  return withProgress(
    context,
    'Planning',
    context.unit().call('restoreCertificates', { ...asked, dryRun: true }),
  );
}

/** Nothing else than what was shown is made: the plan belongs to one revision. */
async function make(
  context: Context,
  plan: RestoreCertificatesAnswer,
  yes: boolean | undefined,
  asked: Wanted,
): Promise<RestoreCertificatesAnswer> {
  const undecided = plan.certificates.some(({ action }) => action === 'undecided');
  if (undecided && context.interactive && yes !== true) {
    const others = await askOthers(context, plan);
    const decided = { ...asked, others };
    return make(context, await planned(context, decided), yes, decided);
  }
  // Where nobody can be asked, the unit refuses it and names each.
  if (!undecided && plan.changes.length === 0) return plan;
  if (!undecided && yes !== true)
    await confirmed(context, yes, formatCertificateRestore(plan, context.out.paint));
  return withProgress(
    context,
    'Restoring',
    context.unit().call('restoreCertificates', { ...asked, expected: plan.revision }),
  );
}

async function askOthers({ out }: Context, plan: RestoreCertificatesAnswer): Promise<Others> {
  out.note(formatCertificateRestore(plan, out.paint));
  const choice = await askChoice(
    'This unit has other certificates of the same name. Which ones do you want?',
    [
      { value: 'newer', name: 'the newer one of each name' },
      { value: 'replace', name: 'those of the bundle' },
      { value: 'keep', name: 'those that are here' },
      { value: 'cancel', name: 'cancel' },
    ],
  );
  if (choice !== 'cancel') return choice;
  throw new LockstepError('bad-usage', 'Cancelled; nothing was changed.');
}

function tell({ out }: Context, answer: RestoreCertificatesAnswer): void {
  out.answer(answer, restored => formatCertificateRestore(restored, out.paint));
}

function readOthers(options: Options): Others | undefined {
  const chosen = (['newer', 'replace', 'keep'] as const).filter(each => options[each] === true);
  if (chosen.length <= 1) return chosen[0];
  throw new LockstepError('bad-usage', 'Choose one: --newer, --replace or --keep.');
}
