import { isDeepStrictEqual } from 'node:util';
import type { ApiClient } from '../../api/client.ts';
import type { ChangeAnswer } from '../../api/contract/changes.ts';
import type { Description, ShowAnswer } from '../../api/contract/configuration.ts';
import { asLockstepError, LockstepError } from '../../schema/error.ts';
import { type Json, parseDocument } from '../../schema/json.ts';
import { exitOf, formatChanges } from '../changes.ts';
import { addReason, addSafety, type ChangeOptions, type CliCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { type Draft, openDraft } from '../draft.ts';
import { given } from '../given.ts';
import { withLeftOut } from '../left-out.ts';
import { withProgress } from '../progress.ts';
import { askYesNo } from '../prompt.ts';

/** What is being edited: what it said, and the revision at which it said so. */
interface Sitting {
  client: ApiClient;
  described: Description;
  shown: ShowAnswer;
  asked: Pick<ChangeOptions, 'reason' | 'confirm' | 'wait'>;
}

type Edited = Omit<ChangeAnswer, 'digest'>;

export const command: CliCommand<[string | undefined], ChangeOptions> = {
  define: command => {
    command.argument('[path]', 'group, record or field; default: everything');
    addSafety(addReason(command)).addHelpText(
      'after',
      '\nOpens $VISUAL, else $EDITOR, else vi. A secret left as ******** stays as it is.',
    );
  },

  examples: ['lockstep edit ha', 'EDITOR=nano lockstep edit virtualServices/tcp:10.20.0.100:443'],

  async run(context, asked, path = '') {
    const client = context.unit();
    const described = await client.call('describe', { path });
    const shown = await client.call('show', { path });
    const draft = await openDraft(`${JSON.stringify(shown.value, null, 2)}\n`);
    try {
      const answer = await editUntilDone(context, { client, described, shown, asked }, draft);
      context.out.answer(answer ?? unchanged(shown), changed => formatChanges(changed, context.out.paint));
      return exitOf(answer ?? {});
    } finally {
      draft.remove();
    }
  },
};

/** Undefined when the text was left as it was. A refusal is shown, and a person may mend the text. */
async function editUntilDone(context: Context, sitting: Sitting, draft: Draft): Promise<Edited | undefined> {
  for (;;) {
    const text = await draft.edit();
    if (text === undefined) return undefined;
    try {
      const value = parseDocument(text, 'The edited text');
      return await withProgress(context, 'Applying', commit(sitting, value));
    } catch (error) {
      await askToReopen(context, sitting, asLockstepError(error));
    }
  }
}

/** Throws `error` when nobody is there to ask, or when the answer is no. */
async function askToReopen(context: Context, sitting: Sitting, error: LockstepError): Promise<void> {
  if (!context.interactive) throw error;
  context.out.error(error);
  if (!(await askYesNo('Open your text again?'))) {
    throw new LockstepError(error.code, 'Your text was given up; nothing was changed.');
  }
  if (error.code !== 'conflict') return;
  const { revision } = sitting.shown;
  sitting.shown = await sitting.client.call('show', { path: sitting.shown.path });
  context.out.note(
    `Saving it now overwrites what others changed there meanwhile: see lockstep diff ${revision}.`,
  );
}

/** A commit by others that left this part alone is no reason to refuse; any other is. */
async function commit(sitting: Sitting, value: Json): Promise<ChangeAnswer> {
  try {
    return await commitAt(sitting, value);
  } catch (error) {
    const fresh = isConflict(error)
      ? await sitting.client.call('show', { path: sitting.shown.path })
      : undefined;
    if (fresh === undefined || !isDeepStrictEqual(fresh.value, sitting.shown.value)) throw error;
    sitting.shown = fresh;
    return commit(sitting, value);
  }
}

async function commitAt({ client, described, shown, asked }: Sitting, value: Json): Promise<ChangeAnswer> {
  const { path, type, record, field } = described;
  const common = { expected: shown.revision, ...given(asked) };
  if (type === 'field') {
    const change = { op: 'set', path: record ?? path, field: field ?? [], value } as const;
    return client.call('change', { changes: [change], valueFrom: 'input', ...common });
  }
  const document =
    path === '' ? await withLeftOut(shown.value, value, path => client.call('describe', { path })) : value;
  return client.call('apply', { document, path, replace: true, ...common });
}

function isConflict(error: unknown): boolean {
  return error instanceof LockstepError && error.code === 'conflict';
}

function unchanged({ revision }: ShowAnswer): Edited {
  return { revision, dryRun: false, counts: { added: 0, changed: 0, removed: 0 }, changes: [] };
}
