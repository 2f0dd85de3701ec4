/**
 * What stands in a file of the mirror is judged here, from values alone. Files are written without waiting for the disk, so a
 * power cut brings back what stood there before, removes new files, and leaves some empty or torn, while the store keeps all
 * that was acknowledged (docs/decisions/0030-power-cuts.md).
 */

/** A file as it was found. */
export interface FoundFile {
  hash: string;
  /** `blank`: nothing, or bytes of zero. `cut`: the beginning of what the store says. `broken`: no document. */
  text: 'whole' | 'blank' | 'cut' | 'broken';
  /** Of the inode, milliseconds since 1970: nobody can set it back, as `cp -p` and `git checkout` do with the other. */
  changedAt: number;
  /** Of the content, milliseconds since 1970. */
  savedAt: number;
}

/** What is remembered of a file, durably. */
export interface FileNote {
  /** Hashes of what the mirror wrote last or was about to write, or of the edit that was committed last. */
  known: readonly string[];
  /** Hashes of what stood there before and may come back, because nothing has made the newer content durable yet. */
  earlier?: readonly string[];
  refused?: RefusedEdit | undefined;
  /** Hash of content that was found to be nobody's, and still waits to be written over. */
  discarded?: string | undefined;
}

/** An edit that was not committed. It stays refused, whatever becomes of the unit, until somebody saves the file again. */
export interface RefusedEdit {
  hash: string;
  savedAt: number;
  code: string;
  /** Record path that the refusal is about. */
  path: string;
  reason: string;
}

/** The first look after the machine was started anew: what the files went through is not known. */
export interface AfterReboot {
  /** Milliseconds since 1970. */
  bootedAt: number;
  /**
   * Whatever was changed before this, and was meant, is in the store; what the mirror had written before is durable. Undefined: nobody
   * knows of such a time.
   */
  durableAt: number | undefined;
}

export type Verdict =
  /** It holds what it should hold. */
  | 'ours'
  /** Somebody's edit: to be committed, or to be refused with a reason. */
  | 'edit'
  /** The edit that was refused before. */
  | 'refused'
  /** Nobody can have meant it: to be made again from the store. */
  | 'stale'
  /** It may be somebody's work, and it may be what the power cut left: the store's text is written, and it is kept beside. */
  | 'doubtful';

/** Without `reboot`, nothing but hands can have changed the file since it was written. */
export function judgeFile(
  { hash, text, changedAt, savedAt }: FoundFile,
  { known, earlier = [], refused, discarded }: FileNote,
  reboot: AfterReboot | undefined,
): Verdict {
  if (known.includes(hash)) return 'ours';
  if (refused?.hash === hash && refused.savedAt === savedAt) return 'refused';
  if (discarded === hash) return 'stale';
  if (reboot === undefined) return 'edit';
  if (earlier.includes(hash)) return 'stale';
  const { bootedAt, durableAt } = reboot;
  const isOlder = durableAt !== undefined && changedAt < durableAt;
  if (known.length + earlier.length === 0) return isOlder && text === 'whole' ? 'doubtful' : 'edit';
  if (text === 'blank' || text === 'cut') return 'stale';
  if (text === 'broken' || isOlder) return 'doubtful';
  const isAfterBoot = changedAt >= bootedAt;
  // Who edits before the unit runs may have started from what the power cut brought back.
  if (isAfterBoot && earlier.length > 0) return 'doubtful';
  return isAfterBoot || durableAt !== undefined ? 'edit' : 'doubtful';
}
