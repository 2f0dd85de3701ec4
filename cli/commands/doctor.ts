import { Option } from 'commander';
import { STEPS, type Step } from '../../api/contract/doctor.ts';
import type { CliCommand } from '../command.ts';
import { formatDoctor } from '../doctor-screen.ts';
import { EXIT } from '../exit.ts';
import { given } from '../given.ts';

interface Options {
  before?: Step;
  all?: boolean;
}

export const command: CliCommand<[], Options> = {
  define: command => {
    command
      .addOption(new Option('--before <step>', 'judge the pair for this step').choices(STEPS))
      .option('--all', 'with the facts of what is well too')
      .addHelpText(
        'after',
        '\nExit code 1: something fails. What is "not checked" is no failure, and no pass.',
      );
  },

  examples: [
    'lockstep doctor',
    'lockstep doctor --before takeover',
    `lockstep doctor --json | jq '.findings[] | select(.outcome == "failure")'`,
  ],

  async run(context, { before, all = false }) {
    const answer = await context.unit().call('doctor', given({ before }));
    context.out.answerInWords(answer, found => formatDoctor(found, context.out.paint, all));
    return answer.counts.failure > 0 ? EXIT.differs : EXIT.done;
  },
};
