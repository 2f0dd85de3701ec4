import type { ChangeRequest } from '../../api/contract/changes.ts';
import type { Description } from '../../api/contract/configuration.ts';
import { LockstepError } from '../../schema/error.ts';
import { exitOf, formatChanges } from '../changes.ts';
import { addChangeOptions, type ChangeOptions, type CliCommand } from '../command.ts';
import { given } from '../given.ts';
import { withProgress } from '../progress.ts';

type Change = ChangeRequest['changes'][number];

interface Options extends ChangeOptions {
  all?: boolean;
}

export const command: CliCommand<[string], Options> = {
  define: command => {
    command
      .argument('<path>', 'field or record; a record goes with everything below it')
      .option('--all', 'remove all records of a group');
    addChangeOptions(command);
  },

  examples: [
    'lockstep unset virtualServices/tcp:10.20.0.100:443/nickname',
    'lockstep unset routes/10.9.0.0 --dry-run',
    'lockstep unset geo/fqdns --all',
  ],

  async run(context, { all, ...options }, path) {
    const client = context.unit();
    const change = changeOf(await client.call('describe', { path }), all === true);
    const work = client.call('change', { changes: [change], ...given(options) });
    const answer = await withProgress(context, 'Removing', work);
    context.out.answer(answer, changed => formatChanges(changed, context.out.paint));
    return exitOf(answer);
  },
};

function changeOf({ path, type, record, field }: Description, all: boolean): Change {
  if (type === 'field') return { op: 'unset', path: record ?? path, field: field ?? [] };
  if (type === 'group' && !all) {
    throw new LockstepError('bad-usage', `${path === '' ? 'The root' : path} is a group of records.`, {
      hint: 'Add --all to remove all of them; lockstep rollback brings them back.',
    });
  }
  return { op: 'remove', path };
}
