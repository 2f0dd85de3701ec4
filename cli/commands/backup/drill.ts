import { basename } from 'node:path';
import { printable } from '../../../schema/printable.ts';
import { addPassphrase, knownPassphrase, type PassphraseOptions } from '../../bundle/passphrase.ts';
import { withBundle } from '../../bundle/send.ts';
import type { CliCommand } from '../../command.ts';
import { EXIT } from '../../exit.ts';
import { withProgress } from '../../progress.ts';
import { plural } from '../../quantity.ts';

/** Restore a bundle on a scratch unit inside the daemon, which remembers what became of it. */
export const command: CliCommand<[string], PassphraseOptions> = {
  define: command => {
    addPassphrase(command.argument('<file>', 'the bundle'));
  },

  examples: ['lockstep backup drill site.lockstep'],

  async run(context, options, file) {
    const passphrase = await knownPassphrase(context, options);
    const answer = await withBundle(context, file, upload => {
      const work = context.unit().call('drill', { upload, name: basename(file), passphrase });
      return withProgress(context, 'Restoring on a scratch unit', work);
    });
    context.out.answer(
      answer,
      ({ name, records, seconds }) =>
        `The drill passed: ${printable(name)} gives back all of it, ${plural(records, 'record')}, in ${seconds.toFixed(1)} s.`,
    );
    return EXIT.done;
  },
};
