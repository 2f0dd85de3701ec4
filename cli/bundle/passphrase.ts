import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { assertGoodPassphrase } from '../../backup/passphrase.ts';
import { LockstepError } from '../../schema/error.ts';
import type { Context } from '../context.ts';
import { wholeNumber } from '../number-argument.ts';
import { askKnownSecret, askSecret } from '../prompt.ts';
import { readText } from '../read.ts';

/** Where a passphrase comes from. An argument or the environment could be read by others, so they are no way. */
export interface PassphraseOptions {
  passphraseFile?: string;
  passphraseFd?: number;
  /** Of a bundle to be made: it keeps the rules of the appliance instead of ours. */
  applianceRules?: boolean;
}

export function addPassphrase(command: Command): Command {
  return command
    .option('--passphrase-file <file>', 'read the passphrase from a file')
    .option(
      '--passphrase-fd <number>',
      'read the passphrase from a file descriptor',
      wholeNumber('--passphrase-fd', 0, 1023),
    );
}

/** For a bundle to be made: asked for twice. Throws `weak-passphrase`, `bad-usage`. */
export async function newPassphrase(context: Context, options: PassphraseOptions): Promise<string> {
  const passphrase = (await givenPassphrase(options)) ?? (await ask(context, askSecret));
  assertGoodPassphrase(passphrase, options.applianceRules);
  return passphrase;
}

/** Of a bundle that is there. Throws `bad-usage`. */
export async function knownPassphrase(context: Context, options: PassphraseOptions): Promise<string> {
  return (await givenPassphrase(options)) ?? (await ask(context, askKnownSecret));
}

/** Asked for once in a run, when the first step needs it. */
export function passphraseOnce(context: Context, options: PassphraseOptions): () => Promise<string> {
  let known: Promise<string> | undefined;
  return () => {
    known ??= knownPassphrase(context, options);
    return known;
  };
}

/** From the options alone; undefined: none of them gives it. Throws `bad-usage`. */
export async function givenPassphrase({
  passphraseFile,
  passphraseFd,
}: PassphraseOptions): Promise<string | undefined> {
  if (passphraseFile !== undefined && passphraseFd !== undefined)
    throw new LockstepError('bad-usage', 'Give --passphrase-file or --passphrase-fd, not both.');
  if (passphraseFile !== undefined) return oneLine(await readText(passphraseFile));
  return passphraseFd === undefined ? undefined : oneLine(await readDescriptor(passphraseFd));
}

async function ask(context: Context, how: (what: string) => Promise<string>): Promise<string> {
  if (context.interactive) return how('Passphrase of the bundle');
  throw new LockstepError('bad-usage', 'The passphrase is missing.', {
    hint: 'Give it with --passphrase-file FILE or --passphrase-fd N; it is never taken from the command line or the environment.',
  });
}

async function readDescriptor(fd: number): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of createReadStream('', { fd, end: 64 * 1024, autoClose: false }))
      chunks.push(chunk as Buffer);
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch (error) {
    throw new LockstepError(
      'bad-usage',
      `File descriptor ${fd} cannot be read: ${(error as Error).message}.`,
    );
  }
}

/** Editors end the line; that is not part of the passphrase. */
function oneLine(text: string): string {
  const [line = '', ...more] = text.replace(/\r?\n$/, '').split('\n');
  if (more.length === 0) return line;
  throw new LockstepError('bad-usage', 'The passphrase has more than one line.');
}
