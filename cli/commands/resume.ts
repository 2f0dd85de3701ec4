import type { ResumeAnswer } from '../../api/contract/pair.ts';
import type { CliCommand } from '../command.ts';
import { EXIT } from '../exit.ts';

export const command: CliCommand<[], object> = {
  define: () => undefined,

  examples: ['lockstep resume'],

  async run({ out, unit }) {
    out.answer(await unit().call('resume'), formatResumed);
    return EXIT.done;
  },
};

const LIFTED: Record<ResumeAnswer['lifted'][number], string> = {
  pacified: 'This unit is pacified no longer: it takes part in the pair again.',
  pause: 'Updates are paused no longer: what waited goes out now.',
};

function formatResumed({ lifted }: ResumeAnswer): string {
  if (lifted.length === 0) return 'Nothing was paused.';
  return lifted.map(each => LIFTED[each]).join('\n');
}
