import { reportPage, reportText } from '../../../replace/report.ts';
import type { CliCommand } from '../../command.ts';
import { EXIT } from '../../exit.ts';
import { addState, openJournal, type StateOptions } from '../../replace/state.ts';

interface Options extends StateOptions {
  html?: boolean;
}

export const command: CliCommand<[], Options> = {
  define: command => {
    addState(command).option('--html', 'as a page');
  },

  examples: ['lockstep replace report', 'lockstep replace report --html > replacement.html'],

  async run({ out }, { state, html }) {
    const journal = await openJournal(state);
    out.answer({ plan: journal.plan, entries: journal.entries }, () =>
      html === true ? reportPage(journal) : reportText(journal),
    );
    return EXIT.done;
  },
};
