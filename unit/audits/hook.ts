import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LockstepError } from '../../schema/error.ts';

const WORST_MODE = 0o022;

/**
 * Run a program of the unit's folder `hooks/`, without a shell, with `facts` as JSON on its standard input; its output is
 * dropped. Rejects when it may not be run, fails, or takes longer than `timeoutMs`; it is ended then.
 */
export async function runHook(folder: string, name: string, facts: object, timeoutMs: number): Promise<void> {
  const file = join(folder, name);
  await assertOwn(folder);
  await assertOwn(file);
  return new Promise((resolve, reject) => {
    const child = spawn(file, [], { cwd: folder, stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    const end = (): void => {
      try {
        process.kill(-(child.pid as number), 'SIGKILL'); // with whatever it has started
      } catch {
        // it is gone already
      }
    };
    const timer = setTimeout(() => {
      end();
      reject(failed(file, `it took longer than ${timeoutMs / 1000} s`));
    }, timeoutMs);
    child.once('error', error => {
      clearTimeout(timer);
      reject(failed(file, error.message));
    });
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve();
      else reject(failed(file, `it ended with ${code ?? signal}`));
    });
    child.stdin.on('error', () => undefined); // it may end without reading
    child.stdin.end(`${JSON.stringify(facts)}\n`);
  });
}

/** Whoever may replace it would run what they like as this unit. */
async function assertOwn(place: string): Promise<void> {
  const found = await stat(place).catch(() => undefined);
  if (found === undefined) throw failed(place, 'it is not there');
  const owned = found.uid === 0 || found.uid === process.getuid?.();
  if (!owned || (found.mode & WORST_MODE) !== 0)
    throw new LockstepError('lax-permissions', `Other users can replace ${place}.`, {
      hint: `chown it to the user of the unit, and chmod go-w ${place}`,
    });
}

function failed(file: string, why: string): LockstepError {
  return new LockstepError('hook-failed', `The hook ${file} did not do its work: ${why}.`, {
    hint: 'Its own log says more; it gets the facts as JSON on its standard input.',
  });
}
