import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Examination, Interface } from '../../audit/doctor/examination.ts';
import { laxPlaces, type UnitFolder } from '../folder.ts';

/** What the machine itself says; each fact is null, or `unknown`, where it does not. */

const NETWORK = '/sys/class/net';
const SOCKETS = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];
const LISTEN = '0A';
/** A tool that says nothing for so long is not waited for. */
const TOOL_MS = 1500;

export async function linkOf(name: string, from = NETWORK): Promise<Interface['link']> {
  if (!existsSync(from)) return 'unknown';
  if (!existsSync(join(from, name))) return 'missing';
  const state = await line(join(from, name, 'operstate'));
  if (state === 'up') return 'up';
  if (state !== 'unknown') return state === undefined ? 'unknown' : 'down';
  // Interfaces without a driver that watches the link, such as lo: an interface that is down has no carrier to read.
  return (await line(join(from, name, 'carrier'))) === '1' ? 'up' : 'down';
}

/** Whether anything in the network of this process listens on the port. */
export async function listensOn(port: number, from = SOCKETS): Promise<boolean | null> {
  const tables = await Promise.all(from.map(file => readFile(file, 'utf8').catch(() => undefined)));
  const known = tables.filter(table => table !== undefined);
  if (known.length === 0) return null;
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return known.some(table =>
    table.split('\n').some(row => {
      const [, local = '', , state] = row.trim().split(/\s+/);
      return state === LISTEN && local.endsWith(`:${wanted}`);
    }),
  );
}

export async function diskOf(folder: string): Promise<Examination['disk']> {
  const found = await statfs(folder).catch(() => undefined);
  if (found === undefined) return null;
  const { bavail, blocks, bsize, ffree, files } = found;
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize, freeFiles: ffree, totalFiles: files };
}

/** Places of the unit that other users can get at. */
export function laxPlacesOf({ dir, keys, store, log, socket }: UnitFolder): Examination['lax'] {
  const inside = (folder: string): string[] => readdirSync(folder).map(name => join(folder, name));
  const places = [dir, keys, ...inside(keys), store, ...inside(store), log, ...inside(log), socket];
  return laxPlaces(places.filter(place => existsSync(place))).map(({ place, mode }) => ({
    code: 'lax-permissions',
    path: place,
    message: `mode ${mode}`,
  }));
}

/** One ping. null: it could not be sent. */
export async function answersPing(address: string): Promise<boolean | null> {
  const { code } = await run('ping', ['-n', '-c', '1', '-W', '1', address]);
  return code === 0 ? true : code === 1 ? false : null;
}

/** How a tool ended; `code` is undefined when it is not there, or says nothing in time. */
export function run(tool: string, args: string[]): Promise<{ code: number | undefined; said: string }> {
  return new Promise(resolve => {
    execFile(tool, args, { timeout: TOOL_MS, env: { ...process.env, LC_ALL: 'C' } }, (error, said) => {
      const code = error === null ? 0 : error.code;
      resolve({ code: typeof code === 'number' ? code : undefined, said });
    });
  });
}

async function line(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').then(
    text => text.trim(),
    () => undefined,
  );
}
