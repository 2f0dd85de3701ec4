import { ApiClient } from '../../api/client.ts';
import { isObject, type JsonObject } from '../../schema/json.ts';
import { candidates, type Lists, type NextPaths } from '../candidates.ts';
import type { CliCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { given } from '../given.ts';
import { splitLine } from '../split-line.ts';

/** A shell waits: better no candidates than late ones. */
const PATIENCE_MS = 1500;
const NEWEST_REVISIONS = 20;

interface Options {
  line?: string;
}

export const command: CliCommand<[string[]], Options> = {
  define: command => {
    command
      .argument('[words...]', 'the words of the line, the one at the cursor last')
      .option('--line <text>', 'the line up to the cursor, as it was typed');
  },

  examples: [],

  async run({ dir, out, elsewhere, program }, { line }, words) {
    // A login takes longer than a shell waits.
    const isFar = (named: string | undefined): boolean => named === undefined && elsewhere !== undefined;
    const unit = (named: string | undefined): ApiClient =>
      new ApiClient({ dir: named ?? dir, author: 'completion', timeoutMs: PATIENCE_MS });
    const nextPaths: NextPaths = async (path, named, startsWith) =>
      isFar(named) ? [] : (await unit(named).call('describe', { path, ...given({ startsWith }) })).next;
    const typed = line === undefined ? words : splitLine(line).slice(1);
    try {
      const found = await candidates(
        await program(typed),
        typed,
        nextPaths,
        listsOf(named => (isFar(named) ? undefined : unit(named))),
      );
      if (found.length > 0) out.print(found.join('\n'));
    } catch {
      // No unit, or no such path: nothing to offer, and nobody to tell.
    }
    return EXIT.done;
  },
};

function listsOf(unitOf: (dir: string | undefined) => ApiClient | undefined): Lists {
  return {
    values: async (path, dir) => wordsOf((await unitOf(dir)?.call('describe', { path }))?.schema),
    revisions: async dir => {
      const answer = await unitOf(dir)?.call('history', { limit: NEWEST_REVISIONS });
      return (answer?.revisions ?? []).map(({ revision }) => String(revision));
    },
    branches: async dir => {
      const answer = await unitOf(dir)?.call('branches');
      return (answer?.branches ?? []).filter(({ merged }) => merged === undefined).map(({ name }) => name);
    },
    files: async dir => ((await unitOf(dir)?.call('status'))?.files ?? []).map(({ file }) => file),
  };
}

/** What a field takes, where that can be listed. */
function wordsOf(schema: JsonObject | undefined): string[] {
  if (schema === undefined) return [];
  const { enum: words, type, anyOf, oneOf } = schema;
  if (Array.isArray(words)) return words.filter(word => word !== null && !isObject(word)).map(String);
  if (type === 'boolean') return ['true', 'false'];
  const choices = [anyOf, oneOf].find(Array.isArray) ?? [];
  return choices.filter(isObject).flatMap(wordsOf);
}
