/**
 * Writes the files that are made from the schemas, the rules and the error codes. `--check` writes nothing and exits 1 when one is stale.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { compile, type JSONSchema } from 'json-schema-to-typescript';
import { builtInSchemas, loadCatalog } from '../schema/catalog.ts';
import { isObject, type JsonObject } from '../schema/json.ts';
import { renderErrors, renderReference, renderRules } from './documents.ts';

const ROOT = new URL('../', import.meta.url);
const BANNER = '// Made from schema/kinds by `npm run types:generate`; changes here are lost.';

/** Every generated file: its path from the root of the project, and its text. */
export const GENERATED: { file: string; render(): Promise<string> }[] = [
  { file: 'schema/kind-types.ts', render: renderKindTypes },
  { file: 'docs/RULES.md', render: async () => renderRules() },
  { file: 'docs/ERRORS.md', render: async () => renderErrors() },
  { file: 'docs/REFERENCE.md', render: async () => renderReference(loadCatalog()) },
];

/** One interface a kind, and `KindTypes`, which maps the names of the kinds to them. */
export async function renderKindTypes(): Promise<string> {
  const names = kindNames();
  const interfaces = await Promise.all(builtInKinds().map(renderInterface));
  const map = names.map(name => `  ${name}: ${typeName(name)};`).join('\n');
  return formatted(
    'schema/kind-types.ts',
    `${BANNER}\n\n${interfaces.join('\n')}\n/** The name of each built-in kind, and what a record of it holds. */\nexport interface KindTypes {\n${map}\n}\n`,
  );
}

/** Paths of the generated files whose text on disk is not what the schemas give. */
export async function staleFiles(): Promise<string[]> {
  const stale: string[] = [];
  for (const { file, render } of GENERATED) {
    const place = new URL(file, ROOT);
    if (!existsSync(place) || readFileSync(place, 'utf8') !== (await render())) stale.push(file);
  }
  return stale;
}

function builtInKinds(): JsonObject[] {
  return builtInSchemas()
    .map(({ schema }) => schema)
    .filter(schema => schema.recordPath !== undefined);
}

function kindNames(): string[] {
  return builtInKinds().map(kindName);
}

function kindName(schema: JsonObject): string {
  return String(schema.$id).replace('urn:lockstep:kind:', '');
}

function typeName(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}

/** The title would become the name of the interface, so the name of the kind stands in for it. */
function renderInterface(schema: JsonObject): Promise<string> {
  const name = typeName(kindName(schema));
  const { $id, examples, ...rest } = schema;
  const plain = JSON.parse(JSON.stringify({ ...rest, title: name }), withoutRanges) as JSONSchema;
  return compile(plain, name, { additionalProperties: false, bannerComment: '', format: false });
}

/** An `anyOf` beside a `type` narrows the range of that type, which TypeScript cannot say. */
function withoutRanges(_key: string, value: unknown): unknown {
  if (!isObject(value) || value.type === undefined) return value;
  const { anyOf, ...rest } = value;
  return rest;
}

/** `text` as the formatter of the project leaves it, so that `npm run check` finds nothing to change. */
function formatted(file: string, text: string): string {
  const biome = fileURLToPath(new URL('node_modules/.bin/biome', ROOT));
  const options = ['format', `--stdin-file-path=${file}`, '--log-level=error'];
  return execFileSync(biome, options, {
    cwd: fileURLToPath(ROOT),
    input: text,
    encoding: 'utf8',
    stdio: 'pipe',
    timeout: 60_000,
  });
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
