import { join } from 'node:path';
import type { BundleRecord } from '../../../backup/bundle.ts';
import { SchemaCheck } from '../../../backup/check.ts';
import { loadCatalog } from '../../../schema/catalog.ts';
import type { Problem } from '../../../schema/error.ts';
import { printable } from '../../../schema/printable.ts';
import { certificateFault } from '../../../unit/certificates/fault.ts';
import { readBundle } from '../../bundle/open.ts';
import { addPassphrase, type PassphraseOptions } from '../../bundle/passphrase.ts';
import type { CliCommand } from '../../command.ts';
import { EXIT } from '../../exit.ts';
import { listLines, plural } from '../../quantity.ts';

/** Reads everything; exit 5 when it is damaged, 1 when only its schemas are others than those of this unit. */
export const command: CliCommand<[string], PassphraseOptions> = {
  define: command => {
    addPassphrase(command.argument('<file>', 'the bundle; - is standard input'));
  },

  examples: [
    'lockstep backup verify site.lockstep',
    'lockstep backup verify site.lockstep --json | jq .good',
  ],

  async run(context, options, file) {
    const check = new SchemaCheck(loadCatalog(join(context.dir, 'schema.d')));
    const unfit: Problem[] = [];
    const facts = await readBundle(context, file, options, (record, part) => {
      check.look(record, part);
      if (part === 'certs') unfit.push(...keyProblems(record));
    });
    // A configuration bundle holds what the unit held; that a key fits is what a certificate bundle is for.
    const faults = facts.manifest.kind === 'certificates' ? unfit : [];
    const misfits: Problem[] = [...faults, ...check.misfits];
    const count = check.count + faults.length;
    const otherSchemas = count > 0 && faults.length === 0 && check.explainedBy(facts.manifest);
    context.out.answer({ ...facts, good: count === 0, otherSchemas, misfits, count }, () => {
      const records = facts.manifest.parts.reduce((sum, part) => sum + part.records, 0);
      if (count === 0)
        return `${printable(facts.file)} is good: ${plural(records, 'record')}, every hash and every schema.`;
      return [
        `${plural(count, 'fault')} in ${plural(records, 'record')} of ${printable(facts.file)}:`,
        ...listLines(misfits, ({ path, message }) => `  ${printable(path)}: ${printable(message)}`, {
          count,
        }),
        ...(otherSchemas
          ? ['The bundle is whole; it was made where these kinds are described differently.']
          : []),
      ].join('\n');
    });
    if (count === 0) return EXIT.done;
    return otherSchemas ? EXIT.differs : EXIT.damaged;
  },
};

function keyProblems({ path, value }: BundleRecord): Problem[] {
  const fault = certificateFault(value);
  return fault === undefined ? [] : [{ code: 'restore-key-unfit', path, message: `${fault}.` }];
}
