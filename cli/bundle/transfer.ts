import type { SendBackupRequest } from '../../api/contract/backups.ts';
import { LockstepError } from '../../schema/error.ts';
import type { Context } from '../context.ts';
import { withProgress } from '../progress.ts';
import { fullBudget, readText } from '../read.ts';

export type SftpTarget = Omit<SendBackupRequest, 'name'>;

/** The host that `--output` names; undefined when it is a file. Throws `bad-usage`. */
export async function sftpTarget(
  { elsewhere, ssh: { identity, hostKey } }: Pick<Context, 'elsewhere' | 'ssh'>,
  output = '',
): Promise<SftpTarget | undefined> {
  if (!output.startsWith('sftp://')) return undefined;
  if (elsewhere !== undefined)
    throw new LockstepError('bad-usage', 'A bundle of a unit elsewhere comes to this machine only.', {
      hint: 'Leave -o out, or name a file; the backup schedule of the unit sends bundles by itself.',
    });
  const url = URL.canParse(output) ? new URL(output) : undefined;
  const path = decodeURIComponent(url?.pathname ?? '');
  if (
    url === undefined ||
    url.username === '' ||
    url.hostname === '' ||
    path.length < 2 ||
    url.password !== ''
  )
    throw new LockstepError(
      'bad-usage',
      `${output.replace(/:[^/@]*@/, ':***@')} is not sftp://user@host[:port]/folder.`,
      {
        hint: 'Log in with --identity FILE; a password is not taken.',
      },
    );
  return {
    host: url.host,
    user: decodeURIComponent(url.username),
    path,
    ...(identity === undefined ? {} : { key: await readText(identity, fullBudget()) }),
    ...(hostKey === undefined ? {} : { hostKey: await keyOf(hostKey) }),
  };
}

/** The key itself, or a file that holds it, as ssh-keyscan and ssh-keygen write it. */
async function keyOf(given: string): Promise<string> {
  const text = given.startsWith('ssh-') ? given : await readText(given, fullBudget());
  const key = /ssh-ed25519 [A-Za-z0-9+/]+=*/.exec(text)?.[0];
  if (key !== undefined) return key;
  throw new LockstepError('bad-usage', `${given} holds no Ed25519 host key.`, {
    hint: 'ssh-keyscan -t ed25519 HOST prints it; compare it with the host itself.',
  });
}

/** The bundle stays in the folder of the unit too. */
export async function transfer(context: Context, name: string, target: SftpTarget): Promise<string> {
  const work = context.unit().call('sendBackup', { name, ...target });
  return (await withProgress(context, 'Sending', work)).to;
}
