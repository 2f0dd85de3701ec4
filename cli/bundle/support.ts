import { existsSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { arch, release, type, uptime } from 'node:os';
import { join } from 'node:path';
import { assertFree, writeBundle } from '../../backup/save.ts';
import { type PlainFile, sealFiles } from '../../backup/sealed-files.ts';
import { asLockstepError, LockstepError } from '../../schema/error.ts';
import { packageVersion } from '../../unit/identity.ts';
import { LOG_NAME, logFiles } from '../../unit/log/names.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { withProgress } from '../progress.ts';
import { byteCount, plural } from '../quantity.ts';
import { newPassphrase, type PassphraseOptions } from './passphrase.ts';

export interface SupportOptions extends PassphraseOptions {
  output: string;
  logMb: number;
}

const MAX_REVISIONS = 200;
/** Of the newest revisions it is also told what they changed, where that is not too much. */
const MAX_DIFFS = 20;
const MAX_RECORDS = 200;
const MB = 1_000_000;

/** All that a colleague needs to see what is wrong, in one encrypted file; what cannot be had is named in it, and no reason to stop. */
export async function supportBundle(context: Context, options: SupportOptions): Promise<ExitCode> {
  const { output } = options;
  await assertFree(output);
  const passphrase = await newPassphrase(context, options);
  const now = new Date();
  const files = await withProgress(context, 'Collecting', collect(context, options.logMb, now));
  await writeBundle(await sealFiles(files, passphrase, now), output);
  const bytes = files.reduce((sum, { content }) => sum + content.length, 0);
  const missing = files.flatMap(({ name }) => (name.endsWith(FAULT) ? [name.slice(0, -FAULT.length)] : []));
  const answer = { file: output, files: files.map(({ name }) => name), bytes, missing };
  context.out.answer(answer, () =>
    [
      `${output}: ${plural(files.length, 'file')}, ${byteCount(bytes)} before packing. It opens with: gpg -d ${output} | tar xz`,
      ...(missing.length === 0 ? [] : [`Could not be collected: ${missing.join(', ')}. The file says why.`]),
    ].join('\n'),
  );
  return EXIT.done;
}

const FAULT = '.error.json';

async function collect(context: Context, logMb: number, now: Date): Promise<PlainFile[]> {
  const unit = context.unit();
  const versions = {
    at: now.toISOString(),
    // Of a unit elsewhere, status.json tells what it is.
    of:
      context.elsewhere === undefined ? 'the machine of the unit' : 'the machine where the command was typed',
    lockstep: packageVersion(),
    node: process.version,
    system: `${type()} ${release()} ${arch()}`,
    uptimeSeconds: Math.round(uptime()),
  };
  const parts: [name: string, get: () => Promise<unknown>][] = [
    ['versions.json', async () => versions],
    ['status.json', () => unit.call('status')],
    ['doctor.json', () => unit.call('doctor')],
    ['audit.json', () => unit.call('audit', { a: { of: 'local' }, b: { of: 'partner' } })],
    ['drift.json', () => unit.call('auditHistory')],
    ['certificates.json', () => unit.call('certificates')],
    ['revisions.json', () => revisions(unit)],
    ['log.jsonl', () => logEnd(context, logMb * MB)],
  ];
  const files: PlainFile[] = [];
  for (const [name, get] of parts) {
    try {
      const got = await get();
      files.push({ name, content: Buffer.isBuffer(got) ? got : json(got) });
    } catch (error) {
      files.push({ name: `${name}${FAULT}`, content: json(asLockstepError(error).toJSON()) });
    }
  }
  return files;
}

/** The newest first, with what they changed; secrets are masked by the unit. */
async function revisions(unit: ReturnType<Context['unit']>): Promise<unknown> {
  const { revisions: found } = await unit.call('history', { limit: MAX_REVISIONS });
  const told = [];
  for (const [index, revision] of found.entries()) {
    const small = index < MAX_DIFFS && revision.records <= MAX_RECORDS && revision.revision > 0;
    const diff = small
      ? await unit.call('diff', { from: revision.revision - 1, to: revision.revision })
      : undefined;
    told.push({ ...revision, ...(diff === undefined ? {} : { changes: diff.changes }) });
  }
  return told;
}

/** Here may lie the log of another unit than the one of --unit. */
async function logEnd({ dir, elsewhere }: Context, most: number): Promise<Buffer> {
  if (elsewhere === undefined) return logTail(join(dir, 'log', LOG_NAME), most);
  throw new LockstepError('bad-usage', `The log of ${elsewhere} lies on its own machine.`, {
    hint: 'Type lockstep support-bundle there.',
  });
}

/** The last `most` bytes of a log and of what was put aside of it, from the beginning of a line on. */
async function logTail(log: string, most: number): Promise<Buffer> {
  const ends: Buffer[] = [];
  let left = most;
  // Without any, the log itself is named in what goes wrong.
  for (const file of [...logFiles(log), ...(existsSync(log) ? [] : [log])].reverse()) {
    if (left <= 0 && ends.length > 0) break;
    const end = await tail(file, left);
    ends.unshift(end);
    left = end.length < (await stat(file)).size ? 0 : left - end.length;
  }
  return Buffer.concat(ends);
}

/** The last `most` bytes of a file, from the beginning of a line on. */
async function tail(file: string, most: number): Promise<Buffer> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - most);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), 0, size - from, from);
    const read = buffer.subarray(0, bytesRead);
    return from === 0 ? read : read.subarray(read.indexOf('\n') + 1);
  } finally {
    await handle.close();
  }
}

function json(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}
