import { lstatSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Catalog } from '../schema/catalog.ts';
import { asLockstepError, type LockstepError } from '../schema/error.ts';
import { look, type Sight, stampAt } from './mirror-disk.ts';
import type { Edit } from './mirror-edit.ts';
import { isConfigName, parseFile, pathOf } from './mirror-file.ts';
import { type MirrorFolders, parentOf } from './mirror-folders.ts';
import type { MirrorMemory } from './mirror-memory.ts';
import { type Troubles, troubleOf } from './mirror-trouble.ts';

export interface ReaderOptions {
  catalog: Catalog;
  root: string;
  memory: MirrorMemory;
  troubled: Troubles;
  folders: MirrorFolders;
  /** The file of the top-level object at `path` may have to be written. */
  outdated(path: string): void;
}

/** Looks at files and tells what somebody did to them. What cannot be read becomes a trouble. */
export class MirrorReader {
  private readonly options: ReaderOptions;

  constructor(options: ReaderOptions) {
    this.options = options;
  }

  /** What is to be committed for this file, if anything. `swept`: a whole folder went, so no deletion is meant. */
  async judge(file: string, swept: boolean): Promise<Edit | undefined> {
    const { root, memory, troubled, folders } = this.options;
    if (!folders.names.includes(parentOf(file))) return this.judgeStray(file);
    if (!folders.usable(parentOf(file))) return undefined;
    if (!isConfigName(file.slice(file.lastIndexOf('/') + 1))) return this.judgeStranger(file);
    const sight = await look(join(root, file), troubled.has(file) ? undefined : memory.get(file)?.stamp);
    switch (sight.is) {
      case 'unchanged':
        return undefined;
      case 'unusable':
        return this.judgeUnusable(file, sight);
      case 'missing':
        return this.judgeMissing(file, swept);
      case 'content':
        return this.judgeContent(file, sight);
    }
  }

  /** The file went, and nothing is meant by that. */
  writeAgain(file: string): void {
    this.options.memory.lose(file);
    this.options.troubled.clear(file);
    this.outdate(file);
  }

  refuse(file: string, error: LockstepError): void {
    this.options.troubled.report(troubleOf(file, this.pathOf(file) ?? '', error));
  }

  /** The object that the file is about; undefined when it is none of the mirror's. */
  pathOf(file: string): string | undefined {
    try {
      return pathOf(this.options.catalog, file);
    } catch {
      return undefined;
    }
  }

  private judgeUnusable(
    file: string,
    { code, reason, stamp }: Extract<Sight, { is: 'unusable' }>,
  ): undefined {
    this.options.memory.wonder(file, stamp);
    this.options.troubled.report({ file, path: this.pathOf(file) ?? '', code, reason });
  }

  private judgeMissing(file: string, swept: boolean): Edit | undefined {
    const known = this.options.memory.known(file);
    const path = this.pathOf(file);
    const meant = known.length > 0 && this.options.memory.get(file)?.lost === false && !swept;
    if (meant && path !== undefined) return { file, path, records: [], hash: undefined, known };
    this.writeAgain(file);
    return undefined;
  }

  private judgeContent(
    file: string,
    { hash, bytes, stamp }: Extract<Sight, { is: 'content' }>,
  ): Edit | undefined {
    const { catalog, memory, troubled } = this.options;
    const known = memory.known(file);
    if (known.includes(hash)) {
      memory.recognise(file, hash, stamp);
      if (troubled.clear(file) || known.length > 1) this.outdate(file);
      return undefined;
    }
    memory.wonder(file, stamp);
    try {
      const path = pathOf(catalog, file);
      return { file, path, records: parseFile(catalog, path, file, bytes), hash, known };
    } catch (error) {
      this.refuse(file, asLockstepError(error));
      return undefined;
    }
  }

  /** In a folder that is none of the mirror's: nothing is to be done but to forget it once it is gone. */
  private judgeStray(file: string): undefined {
    if (stampAt(join(this.options.root, file)) === undefined) this.options.troubled.clear(file);
  }

  /** Notes and temporary files are nobody's business; but configuration in a folder that is not known is a mistake. */
  private async judgeStranger(entry: string): Promise<undefined> {
    const { catalog, root, folders } = this.options;
    if (folders.names.includes(entry)) return;
    const isFolder = lstatSync(join(root, entry), { throwIfNoEntry: false })?.isDirectory() === true;
    for (const name of isFolder ? await readdir(join(root, entry)).catch(() => []) : []) {
      if (!isConfigName(name)) continue;
      try {
        catalog.resolve(entry);
      } catch (error) {
        this.refuse(`${entry}/${name}`, asLockstepError(error));
      }
    }
  }

  private outdate(file: string): void {
    const path = this.pathOf(file);
    if (path !== undefined) this.options.outdated(path);
  }
}
