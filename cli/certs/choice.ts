import type { Command } from 'commander';
import type { CertificateChoice } from '../../api/contract/certificates.ts';
import { LockstepError } from '../../schema/error.ts';

export interface ChoiceOptions {
  intermediate?: boolean;
  web?: boolean;
}

export function addChoice(command: Command): Command {
  return command
    .option('--intermediate', 'a certificate that leads to a root, not one of Virtual Services')
    .option('--web', 'the certificate of the web interface of this unit; it has no name');
}

/** The certificate that a command is about. Throws `bad-usage`. */
export function choiceOf(name: string | undefined, { intermediate, web }: ChoiceOptions): CertificateChoice {
  if (intermediate === true && web === true)
    throw new LockstepError('bad-usage', 'Choose one: --intermediate or --web.');
  if (web === true) {
    if (name === undefined) return { kind: 'web' };
    throw new LockstepError('bad-usage', 'With --web there is no name: there is one certificate of it.');
  }
  if (name === undefined)
    throw new LockstepError('bad-usage', 'Which certificate?', {
      hint: 'Name it; lockstep certs list shows those that there are.',
    });
  return { name, ...(intermediate === true ? { kind: 'intermediate' as const } : {}) };
}
