import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Whether these sources have their history here, back to `revision`. */
export function knowsRevision(revision: string): boolean {
  try {
    execFileSync('git', ['-C', ROOT, 'cat-file', '-e', `${revision}^{commit}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The command as `revision` had it, built with the packages of today. Gone when the process ends. */
export function buildOf(revision: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'lockstep-old-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const tar = path.join(folder, 'sources.tar');
  const sources = path.join(folder, 'sources');
  mkdirSync(sources);
  execFileSync('git', ['-C', ROOT, 'archive', '-o', tar, revision]);
  execFileSync('tar', ['-xf', tar, '-C', sources]);
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(sources, 'node_modules'));
  const script = pathToFileURL(path.join(sources, 'scripts/build.mjs')).href;
  const dist = path.join(sources, 'dist');
  const build = `import { buildInto } from ${JSON.stringify(script)}; await buildInto(${JSON.stringify(dist)});`;
  execFileSync(process.execPath, ['--input-type=module', '--eval', build], { stdio: 'pipe' });
  return path.join(dist, 'main.js');
}
