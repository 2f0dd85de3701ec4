import { join } from 'node:path';
import { type ListedBundle, listBundles } from '../../backup/list.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import type { Paint } from '../output.ts';
import { byteCount } from '../quantity.ts';
import { formatTable } from '../table.ts';
import { localTime } from '../time.ts';

export async function list({ dir, out }: Context): Promise<ExitCode> {
  const folder = join(dir, 'backups');
  const bundles = await listBundles(folder);
  out.answer({ folder, bundles }, () => formatBundles(folder, bundles, out.paint));
  return EXIT.done;
}

function formatBundles(folder: string, bundles: ListedBundle[], paint: Paint): string {
  if (bundles.length === 0) return `There are no bundles in ${folder}.`;
  return formatTable(
    ['written', 'size', 'form', 'file'],
    bundles.map(({ file, bytes, modifiedAt, profile, reason }) => [
      modifiedAt === '' ? '' : localTime(modifiedAt),
      byteCount(bytes),
      profile ?? reason ?? '',
      file,
    ]),
    paint,
  );
}
