import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BUILD = new URL('../../scripts/build.mjs', import.meta.url).href;
let main: string | undefined;

/**
 * The command, compiled once a test run from the sources as they are: no test sees a stale build, and a daemon starts in
 * less than half the time that a loader takes. Types are the business of `npm run check`. Gone when the process ends.
 */
export function freshBuild(): string {
  main ??= build(mkdtempSync(path.join(tmpdir(), 'lockstep-build-')));
  return main;
}

/** In another process, since callers cannot wait for a promise. */
function build(folder: string): string {
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const dist = path.join(folder, 'dist');
  const script = `import { buildInto } from ${JSON.stringify(BUILD)}; await buildInto(${JSON.stringify(dist)});`;
  execFileSync(process.execPath, ['--input-type=module', '--eval', script], { stdio: 'inherit' });
  cpSync(path.join(ROOT, 'package.json'), path.join(folder, 'package.json'));
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  return path.join(dist, 'main.js');
}
