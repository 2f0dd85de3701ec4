import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { removeDurable, TEMPORARY, writeDurable } from '../../host/durable-file.ts';
import type { Catalog } from '../../schema/catalog.ts';
import { LockstepError } from '../../schema/error.ts';
import type { Store } from '../store.ts';
import { look, stampAt } from './disk.ts';
import { adoptEdit, commitEdits, type Edit, type OnCommit } from './edit.ts';
import { hashOf, parseFile } from './file.ts';
import { type MirrorFolders, parentOf } from './folders.ts';
import { isKept, type KeptFiles, originalOf } from './kept.ts';
import type { MirrorMemory } from './memory.ts';
import { AFTER_CUT, type MirrorReader } from './reader.ts';
import type { MirrorLog, Troubles } from './trouble.ts';
import type { MirrorWriter } from './writer.ts';

export interface MirrorEditsOptions {
  store: Store;
  catalog: Catalog;
  root: string;
  log: MirrorLog;
  memory: MirrorMemory;
  troubled: Troubles;
  folders: MirrorFolders;
  reader: MirrorReader;
  writer: MirrorWriter;
  kept: KeptFiles;
  onCommit: OnCommit;
}

/** Looked at in a row before the event loop gets a turn. */
const LOOKS_IN_A_ROW = 64;

/** Files → store: finds the files that somebody touched, and commits what was meant by that. */
export class MirrorEdits {
  /** Files, or other entries of the folders, that something happened to since they were last looked at. */
  readonly touched = new Set<string>();
  private readonly options: MirrorEditsOptions;

  constructor(options: MirrorEditsOptions) {
    this.options = options;
  }

  /**
   * Finds the files that are not as they were; `first`: at start, when nobody knows what happened before. Rejects when a folder is
   * there and cannot be listed.
   */
  async lookAtAll(first: boolean): Promise<void> {
    const { memory, troubled, folders, reader, writer, kept, root } = this.options;
    const present = new Set<string>();
    for (const folder of folders.names) {
      for (const name of await this.entries(folder)) {
        const file = fileIn(folder, name);
        if (first && TEMPORARY.test(name)) await unlink(join(root, file)).catch(() => undefined);
        if (isKept(name)) kept.found(file);
        if (name.startsWith('.')) continue;
        present.add(file);
        if (!this.isRefusedStill(file)) this.touched.add(file);
      }
    }
    for (const file of memory.files()) {
      if (present.has(file)) continue;
      if (!first) this.touched.add(file);
      // Whoever or whatever removed it while nothing watched may have removed far more: a backup put back in part,
      // a failing disk. So it is written again; what is to go can be deleted once more.
      else reader.writeAgain(file);
    }
    for (const file of troubled.files()) if (!present.has(file)) this.touched.add(file);
    writer.retry();
  }

  /** Commits what was meant by all that was touched, or names why not. */
  async take(): Promise<void> {
    const { folders, reader, writer, memory } = this.options;
    const lost = await folders.ensure();
    await this.touchAllIn(lost);
    const files = [...this.touched].sort();
    this.touched.clear();
    this.reportFolders();
    const edits: Edit[] = [];
    for (const [index, file] of files.entries()) {
      const edit = await reader.judge(file, lost.length > 0);
      if (edit !== undefined) edits.push(edit);
      if (index % LOOKS_IN_A_ROW === LOOKS_IN_A_ROW - 1) await new Promise(setImmediate);
    }
    if (edits.length > 0) await this.commit(edits);
    if (lost.length > 0) writer.retry();
    await memory.saveRefusals();
  }

  /**
   * Commits what `file` says, whoever meant it. Resolves to the revision. Throws `unknown-path`, and what reading a file and a commit
   * throw.
   */
  async adopt(file: string, by: Parameters<typeof adoptEdit>[3]): Promise<number> {
    const { store, catalog, root, memory, troubled, reader, writer, kept } = this.options;
    const original = kept.has(file) ? (originalOf(file) as string) : file;
    const path = reader.pathOf(original);
    const sight = path === undefined ? undefined : await look(join(root, file));
    if (path === undefined || sight?.is !== 'content')
      throw new LockstepError('unknown-path', `There is no file ${file} in the mirror that can be read.`, {
        hint: 'lockstep status names the files that wait.',
        facts: { file },
      });
    const { bytes, hash, stamp } = sight;
    const records = parseFile(catalog, path, file, bytes);
    const { revision } = await adoptEdit(store, catalog, { file, path, records, hash }, by);
    if (original !== file) await kept.remove(file);
    else await memory.keep([{ file, hash, stamp }]);
    troubled.clear(file);
    writer.dirty.add(path);
    return revision;
  }

  /** The file becomes what the store holds, durably, whatever is in it. */
  async giveUp(file: string): Promise<void> {
    const { root, memory, reader, writer } = this.options;
    const path = reader.pathOf(file);
    const target = join(root, file);
    const text = path === undefined ? undefined : await writer.render(path);
    const hash = text === undefined ? undefined : hashOf(text);
    this.touched.delete(file);
    await memory.intend([{ file, hash }]);
    if (text === undefined) await removeDurable(target);
    else await writeDurable(target, text);
    await memory.keep([{ file, hash, written: true }]);
  }

  /** Whether it is the same edit that could not be committed before; a full disk may have been the only reason. */
  private isRefusedStill(file: string): boolean {
    const { memory, troubled, root } = this.options;
    const stamp = memory.get(file)?.strange;
    return troubled.holds(file) && stamp?.fresh === false && stamp.text === stampAt(join(root, file))?.text;
  }

  /** Rejects when the folder is there and cannot be listed: what is in it must not count as gone. */
  private async entries(folder: string): Promise<string[]> {
    const { folders, root } = this.options;
    if (!folders.usable(folder)) return [];
    return readdir(join(root, folder)).catch((error: NodeJS.ErrnoException) => {
      if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(error.code ?? '')) return [];
      throw error;
    });
  }

  /** Of folders that were removed or replaced: all that was or is in them. */
  private async touchAllIn(lost: string[]): Promise<void> {
    if (lost.length === 0) return;
    const { log, memory } = this.options;
    log.warn(
      { folders: lost },
      'folders of the mirror were removed or replaced; nothing is deleted for that',
    );
    const folders = new Set(lost);
    for (const file of memory.files()) if (folders.has(parentOf(file))) this.touched.add(file);
    for (const folder of lost)
      for (const name of await this.entries(folder))
        if (!name.startsWith('.')) this.touched.add(fileIn(folder, name));
  }

  private reportFolders(): void {
    const { folders, troubled, writer } = this.options;
    for (const folder of folders.names) {
      const reason = folders.blocked.get(folder);
      const file = folder === '' ? '.' : folder;
      if (reason !== undefined) troubled.report({ file, path: folder, code: 'not-a-file', reason });
      else if (troubled.clear(file)) writer.retry();
    }
  }

  private async commit(edits: Edit[]): Promise<void> {
    const { store, catalog, log, memory, troubled, reader, writer, onCommit } = this.options;
    const refusals = await commitEdits(store, catalog, edits, onCommit);
    const refused = new Set(refusals.map(({ edit }) => edit));
    const accepted = edits.filter(edit => !refused.has(edit));
    for (const { edit, error } of refusals) {
      if (edit.afterReboot && error.code === 'conflict') await reader.keepBeside(edit.file, AFTER_CUT, edit);
      else reader.refuse(edit.file, error, edit);
    }
    for (const { file, path } of accepted) {
      troubled.clear(file);
      writer.dirty.add(path); // to be written in the one way that the mirror writes
    }
    await memory.keep(accepted.map(({ file, hash }) => ({ file, hash, stamp: memory.get(file)?.strange })));
    if (accepted.length > 0)
      log.info({ files: accepted.length, revision: store.head.revision }, 'files were committed');
  }
}

export function fileIn(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}
