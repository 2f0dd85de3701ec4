/** Facts of this unit alone, kept beside the configuration. */
import { keys } from './keys.ts';
import type { FileNote } from './mirror/verdict.ts';
import { type Entry, type Reader, type StorePort, withPrefix } from './port.ts';
import { fromBytes, toBytes } from './revision.ts';

export async function readLocal<T>(reader: Reader, name: string): Promise<T | undefined> {
  return fromBytes<T>(await reader.get(keys.local(name)), `fact ${name}`);
}

/** undefined: there is none any more. */
export async function writeLocal(port: StorePort, name: string, value: object | undefined): Promise<void> {
  await port.batch({ expect: [], ...entriesOf([[keys.local(name), value]]) });
}

/** Makes a fact of what it was, whoever else changes it meanwhile; `change` may be asked again. */
export async function changeLocal<T extends object>(
  port: StorePort,
  name: string,
  change: (before: T | undefined) => T,
): Promise<T> {
  const key = keys.local(name);
  for (;;) {
    const stored = await port.get(key);
    const next = change(fromBytes<T>(stored, `fact ${name}`));
    const expect = [{ key, value: stored }];
    if (await port.batch({ expect, put: [[key, toBytes(next)]], remove: [] })) return next;
  }
}

/** What the mirror remembers of a file; a plain list: the hashes of what it wrote, or is about to write. */
export type MirrorNote = string[] | FileNote;

export async function* readMirror(reader: Reader): AsyncIterable<[file: string, note: MirrorNote]> {
  const prefix = keys.mirror('');
  for await (const [key, value] of reader.range(withPrefix(prefix)))
    yield [key.slice(prefix.length), fromBytes<MirrorNote>(value, key) ?? []];
}

/** In one batch; undefined forgets a file. */
export async function writeMirror(
  port: StorePort,
  notes: { file: string; note: MirrorNote | undefined }[],
): Promise<void> {
  const entries = notes.map(({ file, note }) => [keys.mirror(file), note] as const);
  await port.batch({ expect: [], ...entriesOf(entries) });
}

function entriesOf(facts: (readonly [key: string, fact: object | undefined])[]): {
  put: Entry[];
  remove: string[];
} {
  const put: Entry[] = [];
  const remove: string[] = [];
  for (const [key, fact] of facts) {
    if (fact === undefined) remove.push(key);
    else put.push([key, toBytes(fact)]);
  }
  return { put, remove };
}
