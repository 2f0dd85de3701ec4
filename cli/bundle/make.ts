import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Command, Option } from 'commander';
import type { BackupFacts, Profile } from '../../api/contract/backups.ts';
import type { BundleKind } from '../../backup/bundle.ts';
import { kindNamed } from '../../backup/name.ts';
import { assertGoodPassphrase } from '../../backup/passphrase.ts';
import { assertFree, type SavedBundle, saveBundle } from '../../backup/save.ts';
import { asLockstepError, LockstepError } from '../../schema/error.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { given } from '../given.ts';
import { withByteProgress, withProgress } from '../progress.ts';
import { byteCount, plural } from '../quantity.ts';
import { addPassphrase, givenPassphrase, newPassphrase, type PassphraseOptions } from './passphrase.ts';
import { type SftpTarget, sftpTarget, transfer } from './transfer.ts';

export interface MakeOptions extends PassphraseOptions {
  output?: string;
  profile?: Profile;
  withKeys?: boolean;
  dryRun?: boolean;
}

export function addMakeOptions(command: Command): Command {
  return addPassphrase(command)
    .option(
      '-o, --output <file|-|url>',
      'where to, also sftp://user@host[:port]/folder; default: a name with unit and time, in backups/ of the unit, or here for a unit elsewhere. To sftp, --identity and --host-key are those of the backup schedule unless given',
    )
    .addOption(
      new Option(
        '--profile <profile>',
        'rfc9580 is Argon2id and AES-GCM, which GnuPG 2.2 cannot open',
      ).choices(['classic', 'rfc9580']),
    )
    .option('--dry-run', 'tell what would be written, but write nothing');
}

/** Make a bundle, and read it back before it is said to be there. */
export async function makeBundle(
  context: Context,
  options: MakeOptions,
  kind: BundleKind,
): Promise<ExitCode> {
  const { profile, withKeys, applianceRules } = options;
  const target = await sftpTarget(context, options.output);
  const output = target === undefined ? options.output : undefined;
  if (output === '-' && process.stdout.isTTY)
    throw new LockstepError('bad-usage', 'A bundle is not text; a terminal cannot show it.', {
      hint: 'Send it on: -o - | …',
    });
  if (output !== undefined && output !== '-') {
    assertNameTells(context, output, kind);
    await assertFree(output);
  }
  if (options.dryRun === true) return tellPlan(context, options, kind, target);
  const passphrase = await newPassphrase(context, options);
  const { facts, bytes } = await withProgress(
    context,
    kind === 'certificates' ? 'Reading the certificates' : 'Reading the configuration',
    context.unit().call('backup', { passphrase, kind, ...given({ profile, withKeys, applianceRules }) }),
  );
  try {
    return await (output === '-'
      ? pass(context, bytes, facts)
      : keep(context, bytes, facts, output, passphrase, target));
  } finally {
    bytes.destroy();
  }
}

/** The unit prepares the bundle and says what it would be; nothing of it is taken. A throwaway passphrase: nobody will open it. */
async function tellPlan(
  context: Context,
  options: MakeOptions,
  kind: BundleKind,
  target: SftpTarget | undefined,
): Promise<ExitCode> {
  const { profile, withKeys, output } = options;
  const typed = await givenPassphrase(options);
  if (typed !== undefined) assertGoodPassphrase(typed, options.applianceRules);
  const passphrase = randomBytes(32).toString('hex');
  const { facts, bytes } = await context
    .unit()
    .call('backup', { passphrase, kind, ...given({ profile, withKeys }) });
  bytes.destroy();
  const file = target === undefined && output !== undefined ? output : nameHere(context, facts.name);
  const sendTo = target === undefined ? {} : { sendTo: `sftp://${target.user}@${target.host}${target.path}` };
  context.out.answer({ dryRun: true, file, ...facts, ...sendTo }, () =>
    [
      `Dry run, nothing was written. ${summary(facts)}`,
      `It would be ${file === '-' ? 'standard output' : file} (about ${byteCount(facts.estimatedBytes)})${target === undefined ? '' : `, sent to ${sendTo.sendTo}`}.`,
    ].join('\n'),
  );
  return EXIT.done;
}

/** In the folder of the unit the name says of which kind a bundle is, so that retention never takes one for the other. */
function assertNameTells({ dir }: Context, file: string, kind: BundleKind): void {
  if (kindNamed(file) === kind || resolve(dirname(file)) !== resolve(dir, 'backups')) return;
  throw new LockstepError(
    'bad-usage',
    kind === 'certificates'
      ? 'In the folder of the unit the name of a certificate bundle ends with .certs.lockstep.'
      : 'In the folder of the unit a name that ends with .certs.lockstep is that of a certificate bundle.',
    { hint: 'Choose another name or folder, or leave -o out.' },
  );
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
  const wanted = output ?? nameHere(context, facts.name);
  if (output === undefined) await mkdir(dirname(wanted), { recursive: true, mode: 0o700 });
  const saved = await save(context, bytes, wanted, facts, passphrase, output === undefined);
  const { file, size, profile, manifest } = saved;
  const sent = target === undefined ? undefined : await send(context, file, target);
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

/** What is here stays when it does not get there, and the error says where it is. */
async function send(context: Context, file: string, target: SftpTarget): Promise<string> {
  try {
    return await transfer(context, basename(file), target);
  } catch (thrown) {
    const { code, message, hint, facts } = asLockstepError(thrown);
    throw new LockstepError(code, `${message} The bundle itself is good, and is here: ${file}`, {
      hint,
      facts: { ...facts, file },
    });
  }
}

async function save(
  context: Context,
  bytes: AsyncIterable<Buffer>,
  file: string,
  { estimatedBytes }: BackupFacts,
  passphrase: string,
  mayNumber: boolean,
): Promise<SavedBundle> {
  // Written and read back: two ways through as many bytes.
  return withByteProgress(context, 'Writing and verifying', 2 * estimatedBytes, onBytes =>
    saveBundle(bytes, file, { passphrase, onWritten: onBytes, onRead: onBytes, mayNumber }),
  );
}

/** A bundle of a unit elsewhere is put where the command was typed. */
function nameHere({ elsewhere, dir }: Context, name: string): string {
  return elsewhere === undefined ? join(dir, 'backups', name) : name;
}

function counted(onBytes: (bytes: number) => void) {
  return async function* (bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of bytes) {
      onBytes(chunk.length);
      yield chunk;
    }
  };
}

function summary({ kind, revision, records, keysLeftOut }: BackupFacts): string {
  if (kind === 'certificates')
    return `Revision ${revision}, ${plural(records, 'certificate')}, keys included.`;
  const without =
    keysLeftOut === 0
      ? ''
      : ` ${plural(keysLeftOut, 'private key')} left out: lockstep certs backup keeps those.`;
  return `Revision ${revision}, ${plural(records, 'record')}.${without}`;
}
