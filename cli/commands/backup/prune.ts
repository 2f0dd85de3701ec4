import type { PruneAnswer } from '../../../api/contract/backups.ts';
import { printable } from '../../../schema/printable.ts';
import type { CliCommand } from '../../command.ts';
import { EXIT } from '../../exit.ts';
import { given } from '../../given.ts';
import type { Paint } from '../../paint.ts';
import { confirmed } from '../../prompt.ts';
import { formatTable } from '../../table.ts';

interface Options {
  dryRun?: boolean;
  yes?: boolean;
}

/** Remove the bundles of this unit that its retention policy does not keep. */
export const command: CliCommand<[], Options> = {
  define: command => {
    command
      .option('--dry-run', 'tell what would go and why, but remove nothing')
      .option('--yes', 'do not ask');
  },

  examples: ['lockstep backup prune --dry-run', 'lockstep backup prune'],

  async run(context, { dryRun, yes }) {
    const unit = context.unit();
    const plan = await unit.call('pruneBackups', { dryRun: true });
    const leaving = plan.bundles.some(({ keep }) => !keep);
    if (!leaving || dryRun === true) {
      context.out.answerInWords(plan, answer => formatPruned(answer, context.out.paint));
      return EXIT.done;
    }
    await confirmed(context, yes, formatPruned(plan, context.out.paint));
    const only = plan.bundles.filter(({ keep }) => !keep).map(({ name }) => name);
    const answer = await unit.call('pruneBackups', { ...given({ only }) });
    context.out.answerInWords(
      answer,
      () => `Removed: ${answer.removed.map(printable).join(', ') || 'nothing'}.`,
    );
    return EXIT.done;
  },
};

function formatPruned({ bundles }: PruneAnswer, paint: Paint): string {
  if (bundles.length === 0) return 'There are no bundles.';
  return formatTable(
    ['', 'bundle', 'why'],
    bundles.map(({ name, keep, reasons }) => [keep ? 'keep' : 'remove', printable(name), reasons.join('; ')]),
    paint,
  );
}
