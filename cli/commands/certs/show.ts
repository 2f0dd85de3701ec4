import type { CertificateDetails } from '../../../api/contract/certificates.ts';
import { printable } from '../../../schema/printable.ts';
import { addChoice, type ChoiceOptions, choiceOf } from '../../certs/choice.ts';
import type { CliCommand } from '../../command.ts';
import { formatProblems } from '../../error-text.ts';
import { EXIT } from '../../exit.ts';
import type { Paint } from '../../paint.ts';
import { listWords, plural } from '../../quantity.ts';
import { localTime } from '../../time.ts';

export const command: CliCommand<[string | undefined], ChoiceOptions> = {
  define: command => {
    addChoice(command.argument('[certificate]', 'its name'));
  },

  examples: ['lockstep certs show shop', 'lockstep certs show --web'],

  async run(context, options, name) {
    const answer = await context.unit().call('certificate', choiceOf(name, options));
    context.out.answer(answer, details => formatDetails(details, context.out.paint));
    return EXIT.done;
  },
};

function formatDetails(details: CertificateDetails, paint: Paint): string {
  const { path, subject, issuer, names, notBefore, notAfter, daysLeft, chain, findings } = details;
  const lines: [string, string][] = [
    ['path', path],
    ['subject', subject],
    ['for', names.join(', ')],
    ['issuer', issuer],
    ['valid', `${localTime(notBefore)} to ${localTime(notAfter)}, ${plural(daysLeft, 'day')} left`],
    ['key', keyWords(details)],
    ['sha-256', details.fingerprint],
    ['used by', listWords(details.usedBy, details.usedBy.length, details.users) || NOBODY[details.kind]],
    ...chain.map((link): [string, string] => ['then', `${link.subject}, until ${localTime(link.notAfter)}`]),
  ];
  return [
    ...(details.unreadable === undefined ? lines : lines.slice(0, 1))
      .filter(([, text]) => text !== '')
      .map(([label, text]) => `${label.padEnd(8)} ${printable(text)}`),
    ...(findings.length === 0
      ? []
      : [
          paint('yellow', `${plural(findings.length, 'finding')}:`),
          ...formatProblems(
            findings.map(finding => ({ ...finding, path: '' })),
            paint,
          ),
        ]),
  ].join('\n');
}

/** Intermediates are there for all certificates, without being referred to. */
const NOBODY = { certificate: 'nothing', intermediate: '', web: 'the web interface of this unit' } as const;

function keyWords({ keyType, hasKey, selfMade, kind }: CertificateDetails): string {
  if (kind === 'intermediate') return keyType;
  const where = hasKey ? 'its private key is here' : 'its private key is not here';
  return `${keyType}; ${where}${selfMade ? '; made by this unit' : ''}`;
}
