import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { assertFree, saveBundle } from '../../backup/save.ts';
import { LockstepError } from '../../schema/error.ts';
import type { BackupFacts, Profile } from '../../unit/face.ts';
import { given } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { withByteProgress, withProgress } from '../progress.ts';
import { byteCount, plural } from '../quantity.ts';
import { newPassphrase, type PassphraseOptions } from './passphrase.ts';
import { type SftpTarget, sftpTarget, transfer } from './transfer.ts';

export interface CreateOptions extends PassphraseOptions {
  output?: string;
  profile?: Profile;
  withKeys?: boolean;
}

/** Make a bundle, and read it back before it is said to be there. */
export async function create(context: Context, options: CreateOptions): Promise<ExitCode> {
  const { profile, withKeys } = options;
  const target = await sftpTarget(context, options.output);
  const output = target === undefined ? options.output : undefined;
  if (output === '-' && process.stdout.isTTY)
    throw new LockstepError('bad-usage', 'A bundle is no text for a terminal.', {
      hint: 'Send it on: lockstep backup create -o - | …',
    });
  if (output !== undefined && output !== '-') await assertFree(output);
  const passphrase = await newPassphrase(context, options);
  const { facts, bytes } = await withProgress(
    context,
    'Reading the configuration',
    context.unit().backup({ passphrase, ...given({ profile, withKeys }) }),
  );
  try {
    return await (output === '-'
      ? pass(context, bytes, facts)
      : keep(context, bytes, facts, output, passphrase, target));
  } finally {
    bytes.destroy();
  }
}

async function pass(context: Context, bytes: Readable, facts: BackupFacts): Promise<ExitCode> {
  await withByteProgress(context, 'Writing', facts.estimatedBytes, onBytes =>
    pipeline(bytes, counted(onBytes), process.stdout, { end: false }),
  );
  context.out.note(`${summary(facts)} It was not read back: lockstep backup verify does that.`);
  return EXIT.done;
}

async function keep(
  context: Context,
  bytes: Readable,
  facts: BackupFacts,
  output: string | undefined,
  passphrase: string,
  target: SftpTarget | undefined,
): Promise<ExitCode> {
  const file = output ?? (await ownName(context, facts.name));
  const saved = await save(context, bytes, file, facts, passphrase);
  const sent = target === undefined ? undefined : await transfer(context, facts.name, target);
  const { size, profile, manifest } = saved;
  context.out.answer(
    { file, bytes: size, profile, manifest, ...(sent === undefined ? {} : { sentTo: sent }) },
    () =>
      [
        `${summary(facts)} It was read back and is good.`,
        `${file} (${byteCount(saved.size)})`,
        ...(sent === undefined ? [] : [`Sent to ${sent}, whole.`]),
        ...(saved.profile === 'rfc9580'
          ? ['GnuPG 2.2 cannot open it: Argon2id and AES-GCM are RFC 9580.']
          : []),
      ].join('\n'),
  );
  return EXIT.done;
}

async function save(
  context: Context,
  bytes: AsyncIterable<Buffer>,
  file: string,
  { estimatedBytes }: BackupFacts,
  passphrase: string,
): ReturnType<typeof saveBundle> {
  // Written and read back: two ways through as many bytes.
  return withByteProgress(context, 'Writing and verifying', 2 * estimatedBytes, onBytes =>
    saveBundle(bytes, file, { passphrase, onWritten: onBytes, onRead: onBytes }),
  );
}

/** A bundle of a unit elsewhere is put where the command was typed. */
async function ownName(context: Context, name: string): Promise<string> {
  if (context.elsewhere === undefined) return join(await backupsFolder(context), name);
  await assertFree(name);
  return name;
}

export async function backupsFolder({ dir }: Pick<Context, 'dir'>): Promise<string> {
  const folder = join(dir, 'backups');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return folder;
}

function counted(onBytes: (bytes: number) => void) {
  return async function* (bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of bytes) {
      onBytes(chunk.length);
      yield chunk;
    }
  };
}

function summary({ revision, records, keysLeftOut }: BackupFacts): string {
  const without =
    keysLeftOut === 0 ? '' : ` ${plural(keysLeftOut, 'private key')} left out; --with-keys puts them in.`;
  return `Revision ${revision}, ${plural(records, 'record')}.${without}`;
}
