import { LockstepError } from '../../schema/error.ts';
import { sshKeyFault } from '../../schema/ssh-key.ts';
import type { OperatorRole } from '../../unit/contract.ts';
import { exitOf, formatChanges } from '../changes.ts';
import { given } from '../command.ts';
import type { Context } from '../context.ts';
import type { ExitCode } from '../exit.ts';
import { nameOf, readText } from '../read.ts';
import { operatorPath } from './place.ts';

export interface AddOptions {
  key?: string;
  role?: OperatorRole;
  thisUnit?: boolean;
  comment?: string;
  reason?: string;
}

export async function add(
  { unit, out }: Context,
  name: string | undefined,
  { key, role, thisUnit, comment, reason }: AddOptions,
): Promise<ExitCode> {
  const path = operatorPath(name, thisUnit);
  if (key === undefined || role === undefined)
    throw new LockstepError('bad-usage', `${key === undefined ? '--key' : '--role'} is missing.`, {
      hint: `lockstep operator add ${name} --key FILE.pub --role read|operate|admin`,
    });
  const own = readKeyLine(await readText(key), nameOf(key));
  const value = { publicKey: own.publicKey, role, ...given({ comment: comment ?? own.comment }) };
  const answer = await unit().change({ changes: [{ op: 'put', path, value }], ...given({ reason }) });
  out.answer(answer, changed => formatChanges(changed, out.paint));
  return exitOf(answer);
}

/** A key and the words behind it. Throws `bad-usage`, and never shows what it was given: it may be a private key. */
export function readKeyLine(text: string, source: string): { publicKey: string; comment?: string } {
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
