/**
 * Writes the files that are made from the schemas, the rules and the error codes. `--check` writes nothing and exits 1 when one is stale.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { loadCatalog } from '../schema/catalog.ts';
import { renderErrors, renderReference, renderRules } from './documents.ts';

const ROOT = new URL('../', import.meta.url);

/** Every generated file: its path from the root of the project, and its text. */
export const GENERATED: { file: string; render(): Promise<string> }[] = [
  { file: 'docs/RULES.md', render: async () => renderRules() },
  { file: 'docs/ERRORS.md', render: async () => renderErrors() },
  { file: 'docs/REFERENCE.md', render: async () => renderReference(loadCatalog()) },
];

/** Paths of the generated files whose text on disk is not what the schemas give. */
export async function staleFiles(): Promise<string[]> {
  const stale: string[] = [];
  for (const { file, render } of GENERATED) {
    const place = new URL(file, ROOT);
    if (!existsSync(place) || readFileSync(place, 'utf8') !== (await render())) stale.push(file);
  }
  return stale;
}

async function main(check: boolean): Promise<void> {
  const stale = await staleFiles();
  if (check) {
    for (const file of stale) console.error(`${file} is stale: run npm run types:generate`);
    process.exitCode = stale.length > 0 ? 1 : 0;
    return;
  }
  for (const { file, render } of GENERATED) writeFileSync(new URL(file, ROOT), await render());
}

if (process.argv[1] !== undefined && import.meta.filename === process.argv[1])
  await main(process.argv.includes('--check'));
