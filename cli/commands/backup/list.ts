import { basename, join } from 'node:path';
import { type ListedBundle, listBundles } from '../../../backup/list.ts';
import { LockstepError } from '../../../schema/error.ts';
import { printable } from '../../../schema/printable.ts';
import type { CliCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { EXIT, type ExitCode } from '../../exit.ts';
import type { Paint } from '../../paint.ts';
import { byteCount } from '../../quantity.ts';
import { formatTable } from '../../table.ts';
import { localTime } from '../../time.ts';

export const command: CliCommand<[], object> = {
  examples: ['lockstep backup list'],

  async run(context) {
    const { dir, out, elsewhere } = context;
    if (elsewhere !== undefined) return listElsewhere(context);
    const folder = join(dir, 'backups');
    const proofs = await readProofs(context);
    const bundles = (await listBundles(folder)).map(bundle => ({
      ...bundle,
      proved: proofs?.get(basename(bundle.file)) ?? (proofs === undefined ? null : false),
    }));
    out.answerInWords({ folder, bundles }, () => formatBundles(folder, bundles, out.paint));
    return EXIT.done;
  },
};

/** What lies in a folder of another machine is known by what its unit says. */
async function listElsewhere({ out, unit }: Context): Promise<ExitCode> {
  out.answerInWords(await unit().call('bundles'), ({ bundles }) =>
    bundles.length === 0
      ? 'The unit has no bundles.'
      : formatTable(
          ['made', 'size', 'drill', 'name'],
          bundles.map(({ at, bytes, proved, name }) => [
            localTime(at),
            byteCount(bytes),
            proved ? 'proved' : 'unproved',
            printable(name),
          ]),
          out.paint,
        ),
  );
  return EXIT.done;
}

/** Which bundles a drill has proved is known to the running unit only; undefined without one. */
async function readProofs(context: Context): Promise<Map<string, boolean> | undefined> {
  try {
    const { bundles } = await context.unit().call('bundles');
    return new Map(bundles.map(({ name, proved }) => [name, proved]));
  } catch (error) {
    if (error instanceof LockstepError && error.code === 'unit-unreachable') return undefined;
    throw error;
  }
}

type Listed = ListedBundle & { proved: boolean | null };

function formatBundles(folder: string, bundles: Listed[], paint: Paint): string {
  if (bundles.length === 0) return `There are no bundles in ${folder}.`;
  return formatTable(
    ['made', 'kind', 'size', 'form', 'drill', 'file'],
    bundles.map(({ file, kind, bytes, madeAt, profile, reason, proved }) => [
      madeAt === '' ? '' : localTime(madeAt),
      kind,
      byteCount(bytes),
      profile ?? reason ?? '',
      proved === null ? 'not known' : proved ? 'proved' : 'unproved',
      file,
    ]),
    paint,
  );
}
