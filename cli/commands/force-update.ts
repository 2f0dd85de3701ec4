import type { Receipt } from '../../api/contract/shapes.ts';
import type { CliCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { withProgress } from '../progress.ts';
import { byteCount, plural } from '../quantity.ts';
import { span } from '../time.ts';

export const command: CliCommand<[], object> = {
  define: () => undefined,

  examples: ['lockstep force-update'],

  async run(context) {
    const receipt = await withProgress(context, 'Updating the standby', context.unit().call('forceUpdate'));
    context.out.answerInWords(receipt, formatReceipt);
    return EXIT.done;
  },
};

function formatReceipt({ result, revision, digest, records, bytes, ms }: Receipt): string {
  const what =
    result === 'already-applied'
      ? 'There was nothing to do'
      : `${plural(records, 'record')} in ${byteCount(bytes)}`;
  return `The standby holds revision ${revision}. ${what}, ${span(ms)}.\nIts receipt: ${digest}`;
}
