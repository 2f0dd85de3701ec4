import type { DriftClass, DriftReport } from '../../unit/audits/contract.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import type { Paint } from '../output.ts';
import { printable } from '../printable.ts';
import { localTime } from '../time.ts';
import { CLASS_WORDS } from './text.ts';

/** The drift that came and went. Exit code 1 while there is some. */
export async function history(context: Context): Promise<ExitCode> {
  const answer = await context.unit().auditHistory();
  context.out.answer(answer, ({ reports }) =>
    reports.length === 0
      ? 'No drift was ever found.'
      : reports.map(report => formatReport(report, context.out.paint)).join('\n\n'),
  );
  return answer.reports.some(({ to }) => to === null) ? EXIT.differs : EXIT.done;
}

function formatReport(report: DriftReport, paint: Paint): string {
  const { from, to, partner, foundBy, counts, findings, records } = report;
  const until = to === null ? paint('red', 'still there') : `until ${localTime(to)}`;
  const each = Object.entries(counts).map(([found, count]) => `${count} ${CLASS_WORDS[found as DriftClass]}`);
  return [
    `${localTime(from)} ${until}: against ${printable(partner)}, ${each.join(', ')} (found by ${foundBy})`,
    ...findings.map(({ class: found, path, by }) =>
      printable(`  ${CLASS_WORDS[found].padEnd(13)} ${path}${by === undefined ? '' : `, by ${by}`}`),
    ),
    ...(records > findings.length ? [`  and ${records - findings.length} more`] : []),
  ].join('\n');
}
