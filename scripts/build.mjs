/** Builds dist/: compiles, puts the schema files beside the code that reads them, and makes the command executable. */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = path => fileURLToPath(new URL(`../${path}`, import.meta.url));

rmSync(at('dist'), { recursive: true, force: true });
execFileSync(process.execPath, [at('node_modules/typescript/bin/tsc'), '-p', at('tsconfig.build.json')], {
  stdio: 'inherit',
});
cpSync(at('schema/kinds'), at('dist/schema/kinds'), { recursive: true });
chmodSync(at('dist/cli/main.js'), 0o755);
