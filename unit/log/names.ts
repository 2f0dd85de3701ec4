import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export const LOG_NAME = 'lockstep.jsonl';

/** A log and what was put aside of it, by the unit or by logrotate (`.1`, `-20260131`), oldest first. What is packed is left out. */
export function logFiles(file: string): string[] {
  const [folder, name] = [dirname(file), basename(file)];
  if (!existsSync(folder)) return [];
  const aside = readdirSync(folder)
    .map(each => ({ each, mark: each.startsWith(name) ? each.slice(name.length) : '' }))
    .filter(({ mark }) => /^(\.\d+|-\d{8,})$/.test(mark));
  const numbered = aside.filter(({ mark }) => mark.startsWith('.'));
  const dated = aside.filter(({ mark }) => mark.startsWith('-'));
  return [
    ...dated.sort((a, b) => (a.mark < b.mark ? -1 : 1)),
    ...numbered.sort((a, b) => Number(b.mark.slice(1)) - Number(a.mark.slice(1))),
  ]
    .map(({ each }) => join(folder, each))
    .concat(existsSync(file) ? [file] : []);
}
