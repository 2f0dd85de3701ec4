import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiClient } from '../../api/client.ts';
import { loadCatalog } from '../../schema/catalog.ts';
import { LockstepError } from '../../schema/error.ts';
import { auditBetween } from '../../unit/audits/between.ts';
import type { AuditReport, AuditTarget } from '../../unit/audits/contract.ts';
import { knownPassphrase, type PassphraseOptions } from '../bundle/passphrase.ts';
import { assertReadable, sendBundle } from '../bundle/send.ts';
import { given } from '../command.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { formatHost } from '../host-argument.ts';
import { withProgress } from '../progress.ts';
import { formatPage } from './page.ts';
import { isPartner, type Named, readTarget } from './target.ts';
import { formatReport } from './text.ts';

export interface CompareOptions extends PassphraseOptions {
  all?: boolean;
  html?: string;
}

export async function compare(
  context: Context,
  options: CompareOptions,
  a = 'local',
  b = 'partner',
): Promise<ExitCode> {
  const read = [readTarget(a), readTarget(b)] as const;
  const elsewhere = read.every(({ is }) => is === 'unit'); // then no unit of this machine is asked anything
  const named = elsewhere
    ? read
    : ([await settled(context, read[0]), await settled(context, read[1])] as const);
  const report = named.some(({ is }) => is === 'unit')
    ? await between(context, options, named)
    : await here(context, options, named);
  if (options.html !== undefined) await writePage(options.html, report);
  context.out.answerInWords(report, found => formatReport(found, context.out.paint));
  return EXIT_OF_VERDICT[report.verdict];
}

export const EXIT_OF_VERDICT: Record<AuditReport['verdict'], ExitCode> = {
  same: EXIT.done,
  drift: EXIT.differs,
  damaged: EXIT.damaged,
};

/** A unit named by its address may be the partner, which needs no other way than the one that there is. */
async function settled(context: Context, named: Named): Promise<Named> {
  if (named.is !== 'unit' || !('unit' in named.place)) return named;
  const { partner } = await context.unit().status();
  return isPartner(named.place.unit, partner) ? { is: 'partner' } : named;
}

async function here(
  context: Context,
  { all, ...options }: CompareOptions,
  [one, other]: readonly [Named, Named],
): Promise<AuditReport> {
  const unit = context.unit();
  const uploads: string[] = [];
  const bundles = [one, other].some(({ is }) => is === 'bundle');
  for (const named of [one, other]) if (named.is === 'bundle') await assertReadable(named.file);
  const passphrase = bundles ? await knownPassphrase(context, options) : '';
  try {
    const [a, b] = [
      await target(context, one, passphrase, uploads),
      await target(context, other, passphrase, uploads),
    ];
    return await withProgress(context, 'Comparing', unit.audit({ a, b, ...given({ all }) }));
  } finally {
    for (const upload of uploads) await unit.dropUpload(upload).catch(() => undefined); // it goes by itself
  }
}

async function target(
  context: Context,
  named: Named,
  passphrase: string,
  uploads: string[],
): Promise<AuditTarget> {
  switch (named.is) {
    case 'revision':
      return { of: 'revision', revision: named.revision };
    case 'bundle': {
      const upload = await sendBundle(context, named.file);
      uploads.push(upload);
      return { of: 'bundle', upload, passphrase, name: named.file };
    }
    case 'unit':
      throw new LockstepError('internal', 'A unit is asked by itself.');
    default:
      return { of: named.is };
  }
}

/** Two units that are not each other's partners: what they say is compared here. */
async function between(
  context: Context,
  { all }: CompareOptions,
  named: readonly [Named, Named],
): Promise<AuditReport> {
  const [a, b] = [await clientOf(context, named[0]), await clientOf(context, named[1])];
  const catalog = loadCatalog(join(context.dir, 'schema.d'));
  return withProgress(context, 'Comparing', auditBetween(a, b, { catalog, ...given({ all }) }));
}

/** The partner is asked as an operator too: what it answers to its pair is not for a third one. */
async function clientOf(context: Context, named: Named): Promise<ApiClient> {
  switch (named.is) {
    case 'local':
      return context.unit();
    case 'unit':
      return context.unitAt(named.place);
    case 'partner': {
      const { partner } = await context.unit().status();
      if (partner === null) throw new LockstepError('not-paired', 'This unit has no partner.');
      return context.unitAt({ unit: formatHost(partner.host, partner.port) });
    }
    default:
      throw new LockstepError('bad-usage', 'A revision or a bundle is compared by the unit that has it.', {
        hint: 'Ask that unit: lockstep --unit HOST audit local REVISION-OR-BUNDLE',
      });
  }
}

async function writePage(file: string, report: AuditReport): Promise<void> {
  try {
    await writeFile(file, formatPage(report), { mode: 0o600 });
  } catch (error) {
    throw new LockstepError('bad-usage', `${file} cannot be written: ${(error as Error).message}.`);
  }
}
