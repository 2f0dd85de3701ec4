import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { ApiClient } from '../api/client.ts';
import type { Output } from './output.ts';

/** Options that every command takes. */
export interface GlobalOptions {
  dir: string;
  json?: boolean;
  color: boolean;
}

/** What a command works with: the unit it is about, and where its answer goes. */
export interface Context {
  dir: string;
  out: Output;
  /** A person sits at stdin and sees stderr: questions may be asked. */
  interactive: boolean;
  /** The running unit; nothing is sent before the first method is called. */
  unit(): ApiClient;
}

export function makeContext(options: GlobalOptions, out: Output): Context {
  const dir = resolve(options.dir);
  return {
    dir,
    out,
    interactive: process.stdin.isTTY === true && process.stderr.isTTY === true && !out.json,
    unit: () => new ApiClient({ dir, author: authorName() }),
  };
}

/** Who types: behind sudo, the person and not root. */
export function authorName(environment = process.env): string {
  return environment.SUDO_USER || loginName();
}

function loginName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? '?'}`; // a user without an entry in /etc/passwd, as in some containers
  }
}
