import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LockstepError } from '../schema/error.ts';
import { readText } from './read.ts';

/** A text in a private file while somebody edits it. */
export interface Draft {
  /** Opens the editor. Undefined when the text is still as it was. Throws `bad-usage` when the editor fails. */
  edit(): Promise<string | undefined>;
  remove(): void;
}

/** The file (0600) lies in a folder of its own (0700) and goes with remove(), or when the process is ended. */
export async function openDraft(text: string): Promise<Draft> {
  const folder = mkdtempSync(join(tmpdir(), 'lockstep-edit-'));
  const file = join(folder, 'config.json');
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const ended = (): never => {
    remove();
    process.exit(1);
  };
  for (const signal of ENDING) process.once(signal, ended);
  // Ctrl-C belongs to the editor; it must not end the process that waits for it.
  process.on('SIGINT', ignore);
  writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
  return {
    async edit() {
      await runEditor(file);
      const edited = await readText(file);
      return edited === text ? undefined : edited;
    },
    remove() {
      remove();
      process.off('SIGINT', ignore);
      for (const signal of ENDING) process.off(signal, ended);
    },
  };
}

const ENDING = ['SIGTERM', 'SIGHUP'] as const;

function ignore(): void {}

/** The editor may be a command with options (`code --wait`), so a shell reads it. */
function runEditor(file: string): Promise<void> {
  const editor = process.env.VISUAL || process.env.EDITOR || 'vi';
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit' });
    child.once('error', error => reject(editorFailed(editor, error.message)));
    child.once('exit', code =>
      code === 0
        ? resolve()
        : reject(editorFailed(editor, code === null ? 'it was ended' : `exit code ${code}`)),
    );
  });
}

function editorFailed(editor: string, why: string): LockstepError {
  return new LockstepError(
    'bad-usage',
    `The editor ${JSON.stringify(editor)} failed (${why}); nothing was changed.`,
    {
      hint: 'Set VISUAL or EDITOR to another one.',
    },
  );
}
