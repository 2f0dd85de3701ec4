import { lstatSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Catalog } from '../../schema/catalog.ts';
import { asLockstepError, LockstepError } from '../../schema/error.ts';
import { look, type Sight, stampAt } from './disk.ts';
import type { Edit } from './edit.ts';
import { hashOf, isBlank, isConfigName, parseFile, pathOf } from './file.ts';
import { type MirrorFolders, parentOf } from './folders.ts';
import type { MirrorMemory } from './memory.ts';
import { RETRIED, type Trouble, type Troubles, troubleOf } from './trouble.ts';
import { type AfterReboot, type FileNote, type FoundFile, judgeFile, type RefusedEdit } from './verdict.ts';

const NOTHING: FileNote = { known: [] };
export const AFTER_CUT = 'after a power cut nobody can tell whether somebody meant it';
const GAVE_WAY = 'this unit is standby, and an update changed the object';

export interface ReaderOptions {
  catalog: Catalog;
  root: string;
  memory: MirrorMemory;
  troubled: Troubles;
  folders: MirrorFolders;
  /** The file of the top-level object at `path` may have to be written. */
  outdated(path: string): void;
  /** What the store says that the file of the object at `path` holds. */
  render(path: string): Promise<string | undefined>;
  /** Until everything is judged that was there when the machine was started anew. */
  reboot(): AfterReboot | undefined;
  /** The object of a refused edit was changed in the store, and nobody edits here: the edit makes way. */
  givesWay(file: string): boolean;
  /** Move the file aside, where nobody takes it for configuration. */
  setAside(file: string, why: string): Promise<void>;
}

/** Looks at files and tells what somebody did to them. What cannot be read becomes a trouble. */
export class MirrorReader {
  private readonly options: ReaderOptions;
  /** Files that were judged since the machine was started. */
  private readonly judged = new Set<string>();
  /** How many of them were empty, torn or older than what had been written. */
  private discarded = 0;

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

  /** `edit`: what was refused; remembered unless only the disk was in the way. */
  refuse(file: string, error: LockstepError, edit?: { hash: string | undefined; savedAt: number }): void {
    const trouble = troubleOf(file, this.pathOf(file) ?? '', error);
    const { code, path, reason } = trouble;
    if (edit?.hash !== undefined && code !== RETRIED)
      this.options.memory.refuse(file, { hash: edit.hash, savedAt: edit.savedAt, code, path, reason });
    this.options.troubled.report(trouble);
  }

  /** Somebody's work, perhaps: it makes way for what the store says, and is kept. */
  async keepBeside(file: string, why: string, edit: Pick<Edit, 'hash' | 'savedAt'>): Promise<void> {
    try {
      await this.options.setAside(file, why);
      this.writeAgain(file);
    } catch (error) {
      const reason = asLockstepError(error).message;
      this.refuse(
        file,
        new LockstepError('conflict', `${file}: ${why}; it cannot be kept beside: ${reason}`),
        edit,
      );
    }
  }

  /** Everything is judged once since the machine was started. Says how many files are made again. */
  judgedAll(): number {
    const { discarded } = this;
    this.judged.clear();
    this.discarded = 0;
    return discarded;
  }

  /** At the first look at a file after the machine was started. */
  private rebootFor(file: string): AfterReboot | undefined {
    const reboot = this.options.reboot();
    if (reboot === undefined || this.judged.has(file)) return undefined;
    this.judged.add(file);
    return reboot;
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
    if (meant && path !== undefined)
      return { file, path, records: [], hash: undefined, known, savedAt: 0, afterReboot: false };
    this.writeAgain(file);
    return undefined;
  }

  private async judgeContent(
    file: string,
    { hash, bytes, stamp }: Extract<Sight, { is: 'content' }>,
  ): Promise<Edit | undefined> {
    const { memory, troubled, givesWay } = this.options;
    const state = memory.get(file);
    const note: FileNote = { ...(state ?? NOTHING), discarded: state?.lost ? state.worthless : undefined };
    const reboot = this.rebootFor(file);
    const text = note.known.includes(hash) ? 'whole' : await this.textOf(file, bytes, reboot !== undefined);
    const { changedAt, savedAt } = stamp;
    const verdict = judgeFile({ hash, text, changedAt, savedAt }, note, reboot);
    switch (verdict) {
      case 'ours':
        memory.recognise(file, hash, stamp);
        if (troubled.clear(file) || note.known.length > 1) this.outdate(file);
        return undefined;
      case 'stale':
        memory.discard(file, stamp, hash);
        troubled.clear(file);
        this.discarded++;
        this.outdate(file);
        return undefined;
      case 'doubtful':
        await this.keepBeside(file, AFTER_CUT, { hash, savedAt });
        return undefined;
      case 'refused':
        if (await this.isWhatIsHeld(file, hash)) {
          await memory.keep([{ file, hash, stamp }]);
          troubled.clear(file);
          return undefined;
        }
        memory.wonder(file, stamp, text === 'blank' ? hash : undefined);
        if (givesWay(file)) await this.keepBeside(file, GAVE_WAY, { hash, savedAt });
        else if (note.refused !== undefined) troubled.report({ file, ...withoutContent(note.refused) });
        return undefined;
      case 'edit':
        memory.wonder(file, stamp, text === 'blank' ? hash : undefined);
        return this.readEdit(file, bytes, {
          hash,
          known: note.known,
          savedAt,
          afterReboot: reboot !== undefined,
        });
    }
  }

  /** What was refused may have come by an update since. */
  private async isWhatIsHeld(file: string, hash: string): Promise<boolean> {
    const path = this.pathOf(file);
    const text = path === undefined ? undefined : await this.options.render(path);
    return text !== undefined && hashOf(text) === hash;
  }

  private readEdit(
    file: string,
    bytes: Buffer,
    edit: Pick<Edit, 'known' | 'savedAt' | 'afterReboot'> & { hash: string },
  ): Edit | undefined {
    const { catalog } = this.options;
    try {
      const path = pathOf(catalog, file);
      return { file, path, records: parseFile(catalog, path, file, bytes), ...edit };
    } catch (error) {
      this.refuse(file, asLockstepError(error), edit);
      return undefined;
    }
  }

  /** `closely`: whether it is whole is to be known. */
  private async textOf(file: string, bytes: Buffer, closely: boolean): Promise<FoundFile['text']> {
    if (isBlank(bytes)) return 'blank';
    if (!closely) return 'whole';
    const path = this.pathOf(file);
    if (path === undefined) return 'broken';
    try {
      parseFile(this.options.catalog, path, file, bytes);
      return 'whole';
    } catch {
      const right = Buffer.from((await this.options.render(path)) ?? '');
      return right.subarray(0, bytes.length).equals(bytes) ? 'cut' : 'broken';
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

function withoutContent({ code, path, reason }: RefusedEdit): Omit<Trouble, 'file'> {
  return { code, path, reason };
}
