import { lstatSync } from 'node:fs';
import { rename, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { syncFolder } from '../../host/durable-file.ts';
import { parentOf } from './folders.ts';
import type { Trouble } from './trouble.ts';

/** `.ha.json.kept-20261130T120000Z`, of `ha.json`; with a number behind it where there is one already. */
const KEPT = /^\.(.+\.json)\.kept-\d{8}T\d{6}Z(-\d+)?$/;
/** Code of the trouble that names such a file. */
export const KEPT_BESIDE = 'kept-beside';
const MAX_NUMBERS = 100;

/** Whether a name in a folder of the mirror is that of content that was kept beside its file. */
export function isKept(name: string): boolean {
  return KEPT.test(name);
}

/** The file that the content was found in. */
export function originalOf(kept: string): string | undefined {
  const name = KEPT.exec(basename(kept))?.[1];
  const folder = parentOf(kept);
  return name === undefined ? undefined : folder === '' ? name : `${folder}/${name}`;
}

/** Content that had to make way for what the store says, and may be somebody's work: kept, and named until somebody removes it. */
export class KeptFiles {
  private readonly root: string;
  private readonly pathOf: (file: string) => string | undefined;
  private readonly onNew: (trouble: Trouble) => void;
  private readonly files = new Map<string, Trouble>();

  constructor(root: string, pathOf: (file: string) => string | undefined, onNew: (trouble: Trouble) => void) {
    this.root = root;
    this.pathOf = pathOf;
    this.onNew = onNew;
  }

  has(file: string): boolean {
    return this.files.has(file);
  }

  /** Those that are there now. */
  list(): Trouble[] {
    for (const file of [...this.files.keys()])
      if (lstatSync(join(this.root, file), { throwIfNoEntry: false }) === undefined) this.files.delete(file);
    return [...this.files.values()];
  }

  /** It is there. */
  found(file: string, why = 'it was found after a power cut, or made way for an update'): void {
    const original = originalOf(file);
    if (original === undefined || this.files.has(file)) return;
    const reason = `${original} held something else, which is kept here: ${why}`;
    const trouble = { file, path: this.pathOf(original) ?? '', reason, code: KEPT_BESIDE };
    this.files.set(file, trouble);
    this.onNew(trouble);
  }

  /** Move `file` aside, durably. Rejects with the error of the file system. */
  async setAside(file: string, why: string): Promise<void> {
    const folder = parentOf(file);
    const stamp = `${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}`;
    for (let number = 1; number <= MAX_NUMBERS; number++) {
      const name = `.${basename(file)}.kept-${stamp}${number === 1 ? '' : `-${number}`}`;
      const kept = folder === '' ? name : `${folder}/${name}`;
      if (lstatSync(join(this.root, kept), { throwIfNoEntry: false }) !== undefined) continue;
      await rename(join(this.root, file), join(this.root, kept));
      this.found(kept, why);
      await syncFolder(join(this.root, folder));
      return;
    }
  }

  async remove(file: string): Promise<void> {
    await unlink(join(this.root, file));
    await syncFolder(join(this.root, parentOf(file)));
    this.files.delete(file);
  }
}
