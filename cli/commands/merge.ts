import { Option } from 'commander';
import type { ConflictView, MergeAnswer } from '../../api/contract/branches.ts';
import { LockstepError } from '../../schema/error.ts';
import type { Json } from '../../schema/json.ts';
import { printable } from '../../schema/printable.ts';
import { exitOf, formatChanges } from '../changes.ts';
import { addChangeOptions, type ChangeOptions, type CliCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { given } from '../given.ts';
import type { Paint } from '../paint.ts';
import { withProgress } from '../progress.ts';
import { listLines, plural } from '../quantity.ts';

interface Options extends ChangeOptions {
  ours?: string[];
  theirs?: string[];
  none?: boolean;
}

const MAX_CONFLICTS = 50;

export const command: CliCommand<[string], Options> = {
  define: command => {
    command
      .argument('<branch>', 'a branch that lockstep branches lists')
      .option(
        '--ours <path...>',
        'where both sides changed this field, record or collection: keep what stands here',
      )
      .option('--theirs <path...>', 'where both sides changed it: take what the branch says')
      .addOption(
        new Option('--none', 'take nothing of it, and close it: look at it with --dry-run first').conflicts([
          'ours',
          'theirs',
        ]),
      );
    addChangeOptions(command);
  },

  examples: [
    'lockstep merge r41-8c2a91f0 --dry-run',
    'lockstep merge r41-8c2a91f0',
    'lockstep merge r41-8c2a91f0 --none --reason "what was restored there is older"',
    'lockstep merge r41-8c2a91f0 --theirs virtualServices/tcp:10.20.0.100:443/enable --ours hosts',
  ],

  async run(context, options, branch) {
    const { out } = context;
    try {
      const asked = context.unit().call('merge', { branch, ...given(options) });
      const answer = await withProgress(context, 'Merging', asked);
      out.answer(answer, merged =>
        options.none === true && !merged.dryRun
          ? `Nothing of ${branch} was taken. It is closed.`
          : formatMerge(merged, out.paint),
      );
      return answer.conflicts.length === 0 ? exitOf(answer) : EXIT.differs;
    } catch (error) {
      if (error instanceof LockstepError && error.code === 'merge-conflict')
        out.note(
          formatConflicts(error.facts.conflicts as ConflictView[], error.facts.count as number, out.paint),
        );
      throw error;
    }
  },
};

function formatMerge(answer: MergeAnswer, paint: Paint): string {
  const changes = formatChanges(answer, paint);
  if (answer.conflicts.length === 0) return changes;
  return `${changes}\n\n${formatConflicts(answer.conflicts, answer.conflicts.length, paint)}`;
}

function formatConflicts(conflicts: ConflictView[], count: number, paint: Paint): string {
  const shown = listLines(conflicts, conflict => formatConflict(conflict, paint), {
    most: MAX_CONFLICTS,
    count,
  });
  return [`${plural(count, 'conflict')}, both sides changed:`, ...shown].join('\n');
}

function formatConflict({ path, field, ...sides }: ConflictView, paint: Paint): string[] {
  const place = field === undefined ? path : `${path}/${field}`;
  const side = (name: 'base' | 'ours' | 'theirs'): string =>
    `    ${name.padEnd(7)}${sides[name] === undefined ? 'not there' : printable(JSON.stringify(sides[name] as Json))}`;
  return [`  ${paint('bold', printable(place))}`, side('base'), side('ours'), side('theirs')];
}
