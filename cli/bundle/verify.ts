import { join } from 'node:path';
import { SchemaCheck } from '../../backup/check.ts';
import { loadCatalog } from '../../schema/catalog.ts';
import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { printable } from '../printable.ts';
import { plural } from '../quantity.ts';
import { readBundle } from './open.ts';
import type { PassphraseOptions } from './passphrase.ts';

/** Reads everything; exit 5 when it is damaged, 1 when only its schemas are others than those of this unit. */
export async function verify(
  context: Context,
  file: string | undefined,
  options: PassphraseOptions,
): Promise<ExitCode> {
  const check = new SchemaCheck(loadCatalog(join(context.dir, 'schema.d')));
  const facts = await readBundle(context, file, options, check.look);
  const { misfits, count } = check;
  const otherSchemas = count > 0 && check.explainedBy(facts.manifest);
  context.out.answer({ ...facts, good: count === 0, otherSchemas, misfits, count }, () => {
    const records = facts.manifest.parts.reduce((sum, part) => sum + part.records, 0);
    if (count === 0)
      return `${printable(facts.file)} is good: ${plural(records, 'record')}, every hash and every schema.`;
    return [
      `${plural(count, 'fault')} in ${plural(records, 'record')} of ${printable(facts.file)}:`,
      ...misfits.map(({ path, message }) => `  ${printable(path)}: ${printable(message)}`),
      ...(count > misfits.length ? [`  and ${count - misfits.length} more`] : []),
      ...(otherSchemas
        ? ['The bundle is whole; it was made where these kinds are described differently.']
        : []),
    ].join('\n');
  });
  if (count === 0) return EXIT.done;
  return otherSchemas ? EXIT.differs : EXIT.damaged;
}
