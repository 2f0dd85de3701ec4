import type { ChangeRequest } from '../../api/contract/changes.ts';
import type { Description } from '../../api/contract/configuration.ts';
import { LockstepError } from '../../schema/error.ts';
import { exitOf, formatChanges } from '../changes.ts';
import { addChangeOptions, type ChangeOptions, type CliCommand } from '../command.ts';
import type { Context } from '../context.ts';
import { given } from '../given.ts';
import { askSecret } from '../prompt.ts';
import { readText } from '../read.ts';
import { fieldValue, recordValue } from '../value-argument.ts';

type Change = ChangeRequest['changes'][number];

interface Options extends ChangeOptions {
  valueFile?: string;
}

/** `valueFrom` tells the unit whether other users of the machine could have read it in the process list. */
interface Given {
  text: string;
  valueFrom: 'argument' | 'input';
}

export const command: CliCommand<[string, string | undefined], Options> = {
  define: command => {
    command
      .argument('<path>', 'field or record')
      .argument(
        '[value]',
        'JSON as show prints it, or the text itself where a text is wanted; also yes and no, 30m for a length of time, and a password where its hash is kept; - reads it from standard input',
      )
      .option('--value-file <file>', 'read the value from a file');
    addChangeOptions(command);
  },

  examples: [
    'lockstep set ha/virtualId 61',
    'lockstep set virtualServices/tcp:10.20.0.100:443/nickname "Web shop" --reason "name it"',
    'lockstep set virtualServices/tcp:10.20.0.100:80 \'{"layer": 7}\'',
    'lockstep set certificates/shop/key --value-file shop.key',
  ],

  async run(context, { valueFile, ...options }, path, value) {
    const unit = context.unit();
    const description = await unit.call('describe', { path });
    if (description.type === 'group') throw notOne(path);
    const { text, valueFrom } = await readValue(context, description, value, valueFile);
    const answer = await unit.call('change', {
      changes: [changeOf(description, text)],
      valueFrom,
      ...given(options),
    });
    context.out.answer(answer, changed => formatChanges(changed, context.out.paint));
    if (isPassword(description, text))
      context.out.note('The password itself is not kept, only its scrypt hash.');
    return exitOf(answer);
  },
};

/** A field that holds a hash takes the password, too, and the unit makes the hash. */
function isPassword({ schema }: Description, text: string): boolean {
  return schema?.format === 'scrypt-hash' && !text.startsWith('$scrypt$');
}

function changeOf(description: Description, text: string): Change {
  const { path, type, record, field, secret } = description;
  const schema = { ...description.schema, ...(secret ? { writeOnly: true } : {}) };
  if (type === 'record') return { op: 'put', path, value: recordValue(path, text) };
  return { op: 'set', path: record ?? path, field: field ?? [], value: fieldValue(path, text, schema) };
}

async function readValue(
  context: Context,
  { path, secret }: Description,
  value: string | undefined,
  file: string | undefined,
): Promise<Given> {
  if (file !== undefined && value !== undefined)
    throw new LockstepError('bad-usage', 'Give VALUE or --value-file, not both.');
  if (file !== undefined) return { text: asTyped(await readText(file)), valueFrom: 'input' };
  if (value !== undefined && value !== '-') return { text: value, valueFrom: 'argument' };
  if (secret && context.interactive) return { text: await askSecret(path), valueFrom: 'input' };
  if (value === '-') return { text: asTyped(await readText('-')), valueFrom: 'input' };
  throw new LockstepError('bad-usage', `The value for ${path} is missing.`, {
    hint: secret
      ? `Keep it out of the command line: lockstep set ${path} - < FILE, or --value-file FILE.`
      : `lockstep set ${path} VALUE`,
  });
}

/** The end of the only line is not part of the value; a text of several lines (a key, a certificate) stays as it is. */
function asTyped(text: string): string {
  return /^[^\n]*\r?\n$/.test(text) ? text.trimEnd() : text;
}

function notOne(path: string): LockstepError {
  return new LockstepError(
    'bad-usage',
    `${path === '' ? 'The root' : path} is a group of records, not one record or field.`,
    {
      hint: `lockstep apply -f FILE --path ${path || '…'} takes a whole group; lockstep show ${path} lists what is there.`.replaceAll(
        '  ',
        ' ',
      ),
    },
  );
}
