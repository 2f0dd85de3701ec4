import type { PruneAnswer } from '../../unit/contract.ts';
import { given } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import type { Paint } from '../output.ts';
import { printable } from '../printable.ts';
import { confirmed } from '../prompt.ts';
import { formatTable } from '../table.ts';

export interface PruneOptions {
  dryRun?: boolean;
  yes?: boolean;
}

/** Remove the bundles of this unit that its retention policy does not keep. */
export async function prune(context: Context, { dryRun, yes }: PruneOptions): Promise<ExitCode> {
  const unit = context.unit();
  const plan = await unit.pruneBackups({ dryRun: true });
  const leaving = plan.bundles.some(({ keep }) => !keep);
  if (!leaving || dryRun === true) {
    context.out.answerInWords(plan, answer => formatPruned(answer, context.out.paint));
    return EXIT.done;
  }
  await confirmed(context, yes, formatPruned(plan, context.out.paint));
  const only = plan.bundles.filter(({ keep }) => !keep).map(({ name }) => name);
  const answer = await unit.pruneBackups({ ...given({ only }) });
  context.out.answerInWords(
    answer,
    () => `Removed: ${answer.removed.map(printable).join(', ') || 'nothing'}.`,
  );
  return EXIT.done;
}

function formatPruned({ bundles }: PruneAnswer, paint: Paint): string {
  if (bundles.length === 0) return 'There are no bundles.';
  return formatTable(
    ['', 'bundle', 'why'],
    bundles.map(({ name, keep, reasons }) => [keep ? 'keep' : 'remove', printable(name), reasons.join('; ')]),
    paint,
  );
}
