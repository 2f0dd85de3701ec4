import type { VerifyAnswer } from '../../api/contract/store-care.ts';
import { printable } from '../../schema/printable.ts';
import type { CliCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import type { Paint } from '../paint.ts';
import { withProgress } from '../progress.ts';
import { listLines, plural } from '../quantity.ts';
import { span } from '../time.ts';

export const command: CliCommand<[], object> = {
  define: command => {
    command.addHelpText('after', '\nExit code 5: something is damaged.');
  },

  examples: ['lockstep verify-store', 'lockstep verify-store --json | jq .findings'],

  async run(context) {
    const answer = await withProgress(context, 'Verifying', context.unit().call('verifyStore'));
    context.out.answer(answer, formatVerification(context.out.paint));
    return answer.damaged ? EXIT.damaged : EXIT.done;
  },
};

function formatVerification(paint: Paint): (answer: VerifyAnswer) => string {
  return ({ damaged, findings, more, seconds }) => {
    if (!damaged) return `Every page, record and hash is what it must be (${span(seconds * 1000)}).`;
    return [
      paint('red', `The store is damaged (${plural(findings.length + more, 'finding')}):`),
      ...listLines(findings, ({ path, reason }) => `  ${printable(path)} ${printable(reason)}`, {
        count: findings.length + more,
      }),
      `${paint('cyan', 'hint:')} on a unit of a pair: lockstep rebuild --from-partner; a single unit: restore a bundle`,
    ].join('\n');
  };
}
