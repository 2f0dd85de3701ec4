/**
 * Builds dist/: all code in a few files, the libraries with it (but lmdb, which has compiled parts), and the files of schemas
 * beside it; main.js is what tells an old Node.js that it is too old. Reading some 900 small files took longer than half the start of a unit; docs/decisions/0026-few-files.md.
 */
import { chmodSync, cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** Libraries of the older module system ask for these. */
const OLD_NAMES = [
  "import { createRequire as _createRequire } from 'node:module';",
  "import { fileURLToPath as _fileURLToPath } from 'node:url';",
  'const require = _createRequire(import.meta.url);',
  'const __filename = _fileURLToPath(import.meta.url);',
  "const __dirname = _fileURLToPath(new URL('.', import.meta.url));",
].join('\n');

/** Returns the path of the command. Types are the business of `npm run check`. */
export async function buildInto(folder) {
  rmSync(folder, { recursive: true, force: true });
  await build({
    absWorkingDir: ROOT,
    entryPoints: [{ in: 'cli/main.ts', out: 'lockstep' }],
    outdir: folder,
    bundle: true,
    splitting: true,
    platform: 'node',
    target: 'node20',
    format: 'esm',
    mainFields: ['module', 'main'],
    external: ['lmdb', 'cpu-features', '*.node'],
    banner: { js: OLD_NAMES },
    legalComments: 'linked',
    logLevel: 'warning',
  });
  cpSync(join(ROOT, 'schema/kinds'), join(folder, 'kinds'), { recursive: true });
  cpSync(join(ROOT, 'audit/explain/tables'), join(folder, 'tables'), { recursive: true });
  const command = join(folder, 'main.js');
  cpSync(join(ROOT, 'cli/launch.js'), command);
  chmodSync(command, 0o755);
  return command;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildInto(join(ROOT, 'dist'));
