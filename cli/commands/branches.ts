import type { Branch } from '../../api/contract/branches.ts';
import type { CliCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import type { Paint } from '../paint.ts';
import { formatTable } from '../table.ts';
import { localTime } from '../time.ts';

export const command: CliCommand<[], object> = {
  define: () => undefined,

  examples: ['lockstep branches', 'lockstep branches --json'],

  async run({ out, unit }) {
    const answer = await unit().call('branches');
    const divided =
      answer.branches.length === 0 && (await unit().call('status')).sync.state === 'both-active';
    out.answerInWords(answer, ({ branches }) =>
      branches.length === 0 ? noBranches(divided) : formatBranches(branches, out.paint),
    );
    return EXIT.done;
  },
};

function noBranches(divided: boolean): string {
  return divided
    ? 'There are no branches yet, because both units are active: what only one of them holds becomes one once it has stood down.\nhint: lockstep takeover --force, on the unit that is to stay active'
    : 'There are no branches: nothing was changed on both sides of a divided pair.';
}

function formatBranches(branches: Branch[], paint: Paint): string {
  const rows = branches.map(({ name, unit, at, records, revisions, merged }) => [
    name,
    unit,
    localTime(at),
    records,
    merged === undefined ? 'to be merged' : `merged in revision ${merged.revision}`,
    revisions
      .map(({ reason }) => reason)
      .join('; ')
      .slice(0, 60),
  ]);
  return formatTable(['BRANCH', 'CHANGED ON', 'KEPT AT', 'RECORDS', 'STATE', 'CHANGES'], rows, paint);
}
