import type { DriftClass, DriftReport } from '../../../api/contract/audits.ts';
import { printable } from '../../../schema/printable.ts';
import { CLASS_WORDS } from '../../audit/text.ts';
import type { CliCommand } from '../../command.ts';
import { EXIT } from '../../exit.ts';
import { wholeNumber } from '../../number-argument.ts';
import type { Paint } from '../../paint.ts';
import { listLines } from '../../quantity.ts';
import { localTime } from '../../time.ts';

/** The drift that came and went. Exit code 1 while there is some. */
export const command: CliCommand<[], { limit?: number }> = {
  define: command => {
    command
      .option('--limit <number>', 'only the newest', wholeNumber('--limit', 1, 10_000))
      .addHelpText('after', '\nExit code 1: there is drift now.');
  },

  examples: ['lockstep audit history', 'lockstep audit history --limit 5'],

  async run({ out, unit }, { limit }) {
    const found = await unit().call('auditHistory');
    const answer = { ...found, reports: found.reports.slice(0, limit) };
    out.answer(answer, ({ reports }) =>
      reports.length === 0
        ? 'No drift was ever found.'
        : reports.map(report => formatReport(report, out.paint)).join('\n\n'),
    );
    return found.reports.some(({ to }) => to === null) ? EXIT.differs : EXIT.done;
  },
};

function formatReport(report: DriftReport, paint: Paint): string {
  const { from, to, partner, foundBy, counts, findings, records } = report;
  const until = to === null ? paint('red', 'still there') : `until ${localTime(to)}`;
  const each = Object.entries(counts).map(([found, count]) => `${count} ${CLASS_WORDS[found as DriftClass]}`);
  return [
    `${localTime(from)} ${until}: against ${printable(partner)}, ${each.join(', ')} (found by ${foundBy})`,
    ...listLines(
      findings,
      ({ class: found, path, by }) =>
        printable(`  ${CLASS_WORDS[found].padEnd(13)} ${path}${by === undefined ? '' : `, by ${by}`}`),
      { count: records },
    ),
  ].join('\n');
}
