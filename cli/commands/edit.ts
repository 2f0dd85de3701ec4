import type { Command } from 'commander';
import type { ApiClient } from '../../api/client.ts';
import { LockstepError } from '../../schema/error.ts';
import { type Json, parseDocument } from '../../schema/json.ts';
import type { ChangeAnswer, Description, ShowAnswer } from '../../unit/face.ts';
import { formatChanges } from '../changes.ts';
import { addReason, type ChangeOptions, type CliCommand, given } from '../command.ts';
import type { Context } from '../context.ts';
import { type Draft, openDraft } from '../draft.ts';
import { EXIT } from '../exit.ts';
import { withLeftOut } from '../left-out.ts';
import { withProgress } from '../progress.ts';
import { askYesNo } from '../prompt.ts';

/** What is being edited: what it said, and the revision at which it said so. */
interface Sitting {
  client: ApiClient;
  described: Description;
  shown: ShowAnswer;
  reason?: string;
}

export const command: CliCommand<[string | undefined], ChangeOptions> = {
  define: (command: Command) => {
    command.argument('[path]', 'group, record or field; default: everything');
    addReason(command).addHelpText(
      'after',
      '\nOpens $VISUAL, else $EDITOR, else vi. A secret left as ******** stays as it is.',
    );
  },

  examples: ['lockstep edit ha', 'EDITOR=nano lockstep edit virtualServices/tcp:10.20.0.100:443'],

  async run(context, { reason }, path = '') {
    const client = context.unit();
    const described = await client.describe(path);
    const shown = await client.show({ path });
    const draft = await openDraft(`${JSON.stringify(shown.value, null, 2)}\n`);
    try {
      const answer = await editUntilDone(context, { client, described, shown, ...given({ reason }) }, draft);
      if (answer === undefined)
        context.out.answer({ revision: shown.revision, changed: false }, () => 'Nothing changed.');
      else context.out.answer(answer, changed => formatChanges(changed, context.out.paint));
      return EXIT.done;
    } finally {
      draft.remove();
    }
  },
};

/** Undefined when the text was left as it was. A refusal is shown, and a person may mend the text. */
async function editUntilDone(
  context: Context,
  sitting: Sitting,
  draft: Draft,
): Promise<ChangeAnswer | undefined> {
  for (;;) {
    const text = await draft.edit();
    if (text === undefined) return undefined;
    try {
      const value = parseDocument(text, 'The edited text');
      return await withProgress(context, 'Applying', commit(sitting, value));
    } catch (error) {
      if (!(error instanceof LockstepError) || !context.interactive) throw error;
      context.out.error(error);
      if (!(await askYesNo('Open it again?')))
        throw new LockstepError(error.code, 'The text was given up; nothing was changed.');
      if (error.code === 'conflict')
        sitting.shown = await sitting.client.show({ path: sitting.described.path });
    }
  }
}

async function commit({ client, described, shown, reason }: Sitting, value: Json): Promise<ChangeAnswer> {
  const { path, type, record, field } = described;
  const common = { expected: shown.revision, ...given({ reason }) };
  if (type === 'field') {
    const change = { op: 'set', path: record ?? path, field: field ?? [], value } as const;
    return client.change({ changes: [change], valueFrom: 'input', ...common });
  }
  const document = await withLeftOut(shown.value, value, path, client.describe);
  return client.apply({ document, path, replace: true, ...common });
}
