import { createHash } from 'node:crypto';
import type { OperatorRole } from '../../../api/contract/method.ts';
import { isObject, type Json } from '../../../schema/json.ts';
import { printable } from '../../../schema/printable.ts';
import { sshKeyBlob } from '../../../schema/ssh-key.ts';
import type { CliCommand } from '../../command.ts';
import { EXIT } from '../../exit.ts';
import { formatTable } from '../../table.ts';

interface Listed {
  name: string;
  role: OperatorRole;
  scope: 'pair' | 'unit';
  /** As `ssh-keygen -l` prints it. */
  fingerprint: string;
  publicKey: string;
  comment?: string;
}

export const command: CliCommand<[], object> = {
  examples: ['lockstep operator list'],

  async run({ unit, out }) {
    const [pair, own] = await Promise.all([
      unit().call('show', { path: 'operators' }),
      unit().call('show', { path: 'unitOperators' }),
    ]);
    const operators = [...listed(pair.value, 'pair'), ...listed(own.value, 'unit')];
    out.answerInWords({ operators }, () =>
      operators.length === 0
        ? 'There are no operators: only this machine works on the unit.'
        : formatTable(
            ['name', 'role', 'on', 'key', 'comment'],
            operators.map(({ name, role, scope, fingerprint, publicKey, comment = '' }) => [
              name,
              role,
              scope === 'pair' ? 'both units' : 'this unit',
              `${publicKey.split(' ')[0]} ${fingerprint}`,
              printable(comment),
            ]),
            out.paint,
          ),
    );
    return EXIT.done;
  },
};

function listed(group: Json, scope: Listed['scope']): Listed[] {
  if (!isObject(group)) return [];
  return Object.entries(group).map(([name, value]) => {
    const record = value as unknown as Pick<Listed, 'role' | 'publicKey' | 'comment'>;
    return { name, scope, fingerprint: fingerprintOf(record.publicKey), ...record };
  });
}

function fingerprintOf(publicKey: string): string {
  const hash = createHash('sha256').update(sshKeyBlob(publicKey)).digest('base64');
  return `SHA256:${hash.replace(/=+$/, '')}`;
}
