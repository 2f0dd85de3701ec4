import { Option } from 'commander';
import type { OperatorRole } from '../../../api/contract/method.ts';
import { OPERATOR_ROLES } from '../../../api/contract/method.ts';
import { LockstepError } from '../../../schema/error.ts';
import { sshKeyFault } from '../../../schema/ssh-key.ts';
import { exitOf, formatChanges } from '../../changes.ts';
import { addReason, type CliCommand } from '../../command.ts';
import { given } from '../../given.ts';
import { addThisUnit, operatorPath } from '../../operator-path.ts';
import { nameOf, readText } from '../../read.ts';

interface Options {
  key: string;
  role: OperatorRole;
  thisUnit?: boolean;
  comment?: string;
  reason?: string;
}

export const command: CliCommand<[string], Options> = {
  define: command => {
    addReason(
      addThisUnit(command.argument('<name>', 'who; history and log show it'))
        .requiredOption('--key <file>', 'the public key, such as id_ed25519.pub; - reads standard input')
        .addOption(
          new Option(
            '--role <role>',
            'read: look · operate: also change the configuration and run the pair · admin: everything',
          )
            .choices(OPERATOR_ROLES)
            .makeOptionMandatory(),
        )
        .option('--comment <text>', 'who or what this is; default: the comment of the key'),
    ).addHelpText(
      'after',
      `
Operators work from another machine: lockstep --unit HOST COMMAND.
Whoever gets another role loses their connections at once.`,
    );
  },

  examples: [
    'lockstep operator add ada --key ada.pub --role operate',
    'lockstep operator add ci --key - --role read --this-unit < ci.pub',
  ],

  async run({ unit, out }, { key, role, thisUnit, comment, reason }, name) {
    const path = operatorPath(name, thisUnit);
    const own = readKeyLine(await readText(key), nameOf(key));
    const value = { publicKey: own.publicKey, role, ...given({ comment: comment ?? own.comment }) };
    const answer = await unit().call('change', {
      changes: [{ op: 'put', path, value }],
      ...given({ reason }),
    });
    out.answer(answer, changed => formatChanges(changed, out.paint));
    return exitOf(answer);
  },
};

/** A key and the words behind it. Throws `bad-usage`, and never shows what it was given: it may be a private key. */
function readKeyLine(text: string, source: string): { publicKey: string; comment?: string } {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text))
    throw new LockstepError('bad-usage', `${source} holds a private key, which stays with its owner.`, {
      hint: 'Give the file with .pub at its end; ssh-keygen -y -f FILE prints it.',
    });
  const lines = text.split('\n').filter(line => line.trim() !== '' && !line.startsWith('#'));
  const [type = '', encoded = '', ...words] = (lines[0] ?? '').trim().split(/\s+/);
  const publicKey = `${type} ${encoded}`;
  const fault = lines.length === 1 ? sshKeyFault(publicKey) : 'does not hold exactly one key';
  if (fault !== undefined)
    throw new LockstepError('bad-usage', `${source} cannot be the key of an operator: it ${fault}.`, {
      hint: 'ssh-keygen -t ed25519 makes one; keys on a security token (sk-…) are not taken.',
    });
  const comment = words.join(' ').slice(0, 255);
  return comment === '' ? { publicKey } : { publicKey, comment };
}
