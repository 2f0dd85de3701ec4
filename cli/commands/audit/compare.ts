import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ApiClient } from '../../../api/client.ts';
import type { AuditReport, AuditTarget } from '../../../api/contract/audits.ts';
import { LockstepError } from '../../../schema/error.ts';
import type { Answering } from '../../../unit/audits/between.ts';
import { formatPage } from '../../audit/page.ts';
import { isPartner, type Named, readTarget } from '../../audit/target.ts';
import { EXIT_OF_VERDICT, formatReport } from '../../audit/text.ts';
import { addPassphrase, knownPassphrase, type PassphraseOptions } from '../../bundle/passphrase.ts';
import { assertReadable, withBundles } from '../../bundle/send.ts';
import type { CliCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { given } from '../../given.ts';
import { formatHost } from '../../host-argument.ts';
import { withProgress } from '../../progress.ts';

interface Options extends PassphraseOptions {
  all?: boolean;
  html?: string;
}

export const command: CliCommand<[string | undefined, string | undefined], Options> = {
  define: command => {
    command
      .argument(
        '[a]',
        'local, partner, a revision, a bundle, the directory of a unit, or host:port; default: local',
      )
      .argument('[b]', 'the same; default: partner')
      .option('--all', 'with what differs by design: what belongs to each unit alone')
      .option('--html <file>', 'write the answer as one page too');
    addPassphrase(command).addHelpText(
      'after',
      `
Exit codes: 0 the same · 1 drift · 4 unreachable · 5 damaged
A difference is a corruption, a local edit on a unit, a missed update, not yet sent, changed (since a revision or bundle,
or against a unit of another pair), or a file under config/ that is not what the unit holds. What another release describes
differently, or what belongs to a unit alone, is no drift. Secrets are never shown.`,
    );
  },

  examples: [
    'lockstep audit',
    'lockstep audit local 41',
    'lockstep audit partner site.lockstep --passphrase-file /etc/lockstep/passphrase',
    'lockstep audit --json | jq .findings',
  ],

  async run(context, options, a = 'local', b = 'partner') {
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
  },
};

/** A unit named by its address may be the partner, which needs no other way than the one that there is. */
async function settled(context: Context, named: Named): Promise<Named> {
  if (named.is !== 'unit' || !('unit' in named.place)) return named;
  const { partner } = await context.unit().call('status');
  return isPartner(named.place.unit, partner) ? { is: 'partner' } : named;
}

async function here(
  context: Context,
  { all, ...options }: Options,
  [one, other]: readonly [Named, Named],
): Promise<AuditReport> {
  const files = [one, other].flatMap(named => (named.is === 'bundle' ? [named.file] : []));
  for (const file of files) await assertReadable(file);
  const passphrase = files.length > 0 ? await knownPassphrase(context, options) : '';
  return withBundles(context, files, uploads => {
    const target = (named: Named): AuditTarget => {
      switch (named.is) {
        case 'revision':
          return { of: 'revision', revision: named.revision };
        case 'bundle':
          return { of: 'bundle', upload: uploads.shift() ?? '', passphrase, name: named.file };
        case 'unit':
          throw new LockstepError('internal', 'A unit is asked by itself.');
        default:
          return { of: named.is };
      }
    };
    const asked = { a: target(one), b: target(other), ...given({ all }) };
    return withProgress(context, 'Comparing', context.unit().call('audit', asked));
  });
}

/** Two units that are not each other's partners: what they say is compared here. */
async function between(
  context: Context,
  { all }: Options,
  named: readonly [Named, Named],
): Promise<AuditReport> {
  const [a, b] = [await clientOf(context, named[0]), await clientOf(context, named[1])];
  const { auditBetween } = await import('../../../unit/audits/between.ts');
  const { loadCatalog } = await import('../../../schema/catalog.ts');
  const catalog = loadCatalog(join(context.dir, 'schema.d'));
  return withProgress(
    context,
    'Comparing',
    auditBetween(asking(a), asking(b), { catalog, ...given({ all }) }),
  );
}

const asking =
  (unit: ApiClient): Answering =>
  question =>
    unit.call('auditAsk', question);

/** The partner is asked as an operator too: what it answers to its pair is not for a third one. */
async function clientOf(context: Context, named: Named): Promise<ApiClient> {
  switch (named.is) {
    case 'local':
      return context.unit();
    case 'unit':
      return context.unitAt(named.place);
    case 'partner': {
      const { partner } = await context.unit().call('status');
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
