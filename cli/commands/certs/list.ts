import type { CertificateFacts } from '../../../api/contract/certificates.ts';
import type { CliCommand } from '../../command.ts';
import { EXIT } from '../../exit.ts';
import type { Paint } from '../../paint.ts';
import { listWords } from '../../quantity.ts';
import { formatTable } from '../../table.ts';

const MAX_NAMES = 3;
/** Enough to tell certificates apart; lockstep certs show prints all of it. */
const FINGERPRINT_WIDTH = 23;

export const command: CliCommand<[], object> = {
  examples: ['lockstep certs list'],

  async run(context) {
    const answer = await context.unit().call('certificates');
    context.out.answerInWords(answer, ({ certificates }) =>
      formatCertificates(certificates, context.out.paint),
    );
    return EXIT.done;
  },
};

function formatCertificates(certificates: CertificateFacts[], paint: Paint): string {
  if (certificates.length === 0) return 'There are no certificates.';
  return formatTable(
    ['name', 'kind', 'for', 'issuer', 'days left', 'used by', 'fingerprint'],
    certificates.map(({ name, kind, names, subject, issuer, daysLeft, usedBy, users, ...rest }) => [
      name,
      kind === 'certificate' && !rest.hasKey ? 'certificate, no key' : kind,
      rest.unreadable ?? listWords(names.length === 0 ? [subject] : names, MAX_NAMES),
      issuer,
      rest.unreadable === undefined ? String(daysLeft) : '',
      listWords(usedBy, MAX_NAMES, users),
      rest.fingerprint.slice(0, FINGERPRINT_WIDTH),
    ]),
    paint,
  );
}
