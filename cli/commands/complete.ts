import type { Command } from 'commander';
import { ApiClient } from '../../api/client.ts';
import { candidates } from '../candidates.ts';
import type { CliCommand } from '../command.ts';
import { EXIT } from '../exit.ts';

/** A shell waits: better no candidates than late ones. */
const PATIENCE_MS = 1500;

export const command: CliCommand<[string[]], object> = {
  define: (command: Command) => {
    command.argument('[words...]', 'the words of the line, the one at the cursor last');
  },

  examples: [],

  async run({ dir, out, elsewhere }, _options, words) {
    try {
      const found = await candidates(words, async (path, named, startsWith) => {
        if (named === undefined && elsewhere !== undefined) return []; // a login takes longer than a shell waits
        const client = new ApiClient({ dir: named ?? dir, author: 'completion', timeoutMs: PATIENCE_MS });
        return (await client.describe(path, startsWith)).next;
      });
      if (found.length > 0) out.print(found.join('\n'));
    } catch {
      // No unit, or no such path: nothing to offer, and nobody to tell.
    }
    return EXIT.done;
  },
};
