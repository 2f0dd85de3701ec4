import type { KeptOpen } from '../kept-open.ts';
import type { Layout } from '../site-files.ts';

/** What people would use instead: a tool with its best settings, one way of using it. */
export interface Rival {
  /** As the table names it. */
  name: string;
  /** Its settings, and what it leaves out. */
  note: string;
  /** Programs that it takes on this machine. */
  needs: string[];
  layout: Layout;
  /** It writes a revision here before it sends, as our commit does: so it is held against commit and update together. */
  commits?: true;
  /** Virtual Services of the largest site that it is measured with. */
  largest: number;
  /** Somebody tells it which files changed: then there is no first time to be measured. */
  told?: true;
  /** Past so many changed files it is not meant for that. */
  mostFiles?: number;
  start(place: Place): Promise<Carrier>;
}

export interface Place {
  /** What the active unit holds as files; every rival of one layout shares it. */
  source: string;
  /** For the other side, and whatever the tool keeps besides. It is there, and empty. */
  folder: string;
  connection: KeptOpen;
  /** Nobody measures the first time: a plain copy will do where the tool keeps nothing besides. */
  copied: boolean;
}

/** A rival at work. Rejects with what the tool complained about. */
export interface Carrier {
  /** Everything to an empty other side. */
  first(): Promise<void>;
  /** What changed; `files` says which, and only some of them listen. */
  carry(files: string[]): Promise<void>;
  /** A file as the other side holds it. */
  read(file: string): Promise<Buffer>;
  end?(): Promise<void>;
}
