import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { pauses } from '../../host/event-loop.ts';
import type { Entry } from '../port.ts';

/**
 * LMDB maps its file and trusts what stands there: a damaged page can end the process, or make LMDB write over
 * pages that are in use. So the file is read here without LMDB: its two meta pages, both trees with every page,
 * node and key order, and the list of free pages.
 *
 *     page   = number (8), transaction (8), pad (2), flags (2), lower (2), upper (2) · offsets of nodes … nodes
 *     node   = size or child (4), flags or child (2), key size (2), key, data
 *     meta   = magic (4), version (4), address (8), map size (8), two trees (48 each), last page (8), transaction (8)
 *     tree   = pad (4), flags (2), depth (2), branch, leaf and overflow pages, entries, root (8 each)
 */
export interface PageFault {
  /** Undefined: the file as a whole. */
  page: number | undefined;
  reason: string;
}

/** More than these are only counted. */
export const MAX_FAULTS = 100;

const HEADER = 24;
const NODE_HEADER = 8;
const OVERFLOW_LINK = 24;
const META_BYTES = 144;
const MAGIC = 0xbeefc0de;
const VERSION = 2;
const NONE = 0xffff_ffff_ffff_ffffn;
const BRANCH = 1;
const LEAF = 2;
const OVERFLOW = 4;
const META = 8;
const BIG = 1;
const MAX_LOOKS = 100;

interface Tree {
  flags: number;
  depth: number;
  pages: { branch: number; leaf: number; overflow: number };
  entries: number;
  /** Undefined: the tree is empty. */
  root: number | undefined;
}

interface Meta {
  pageSize: number;
  trees: [free: Tree, main: Tree];
  lastPage: number;
  transaction: number;
}

interface Node {
  key: Buffer;
  /** Of a branch. */
  child: number;
  /** Of a leaf: where its inline data lies in the page. */
  page: Buffer;
  from: number;
  to: number;
  big: { page: number; pages: number; bytes: number } | undefined;
}

/** Everything that is wrong with the pages of an LMDB file; empty when nothing is. The file may be in use. */
export async function findPageFaults(file: string): Promise<PageFault[]> {
  return withFile(file, async pages => {
    await pages.walk();
    return pages.faults;
  });
}

/**
 * What can be read of a damaged file: entries whose key starts with one of `prefixes`. Pages that the tree still
 * reaches win; of what it does not reach, the newest copy. Such a copy may be of a record that was removed since.
 */
export async function salvageEntries(file: string, prefixes: string[]): Promise<Map<string, Buffer>> {
  const found = new Map<string, { value: Buffer; transaction: number }>();
  const wanted = (key: string): boolean => prefixes.some(prefix => key.startsWith(prefix));
  await withFile(file, async pages => {
    await pages.walk(([key, value]) => {
      if (wanted(key)) found.set(key, { value, transaction: Number.POSITIVE_INFINITY });
    });
    if (pages.faults.length === 0) return;
    for (const { entry, transaction } of pages.everyLeafEntry()) {
      const [key, value] = entry;
      if (wanted(key) && transaction > (found.get(key)?.transaction ?? -1))
        found.set(key, { value, transaction });
    }
  });
  return new Map([...found].map(([key, { value }]) => [key, value]));
}

async function withFile<Result>(file: string, read: (pages: Pages) => Promise<Result>): Promise<Result> {
  const descriptor = openSync(file, 'r');
  try {
    return await read(new Pages(descriptor));
  } finally {
    closeSync(descriptor);
  }
}

class Pages {
  readonly faults: PageFault[] = [];
  private readonly descriptor: number;
  private readonly bytes: number;
  private pageSize = 4096;
  private lastPage = 0;
  private used = new Uint8Array(0);
  private free: number[] = [];
  private readonly rest = pauses();

  constructor(descriptor: number) {
    this.descriptor = descriptor;
    this.bytes = fstatSync(descriptor).size;
  }

  /** Look at every page that is in use; `onEntry` gets what the main tree holds. */
  async walk(onEntry?: (entry: Entry) => void): Promise<void> {
    const meta = this.newestMeta();
    if (meta === undefined) return;
    this.lastPage = meta.lastPage;
    // It may be shorter than its last page, when the last ones are free; not by that much.
    if (meta.lastPage * this.pageSize > 2 * this.bytes + 2 ** 20) {
      this.fault(undefined, 'the file is shorter than its meta page says');
      return;
    }
    if (meta.trees.some(({ root }) => root !== undefined && (root < 2 || root > meta.lastPage)))
      this.fault(undefined, 'the meta page names a root that does not exist');
    this.used = new Uint8Array(meta.lastPage + 1);
    this.used.fill(1, 0, 2);
    await this.walkTree('free list', meta.trees[0], meta.transaction, byNumber, node => this.takeFree(node));
    await this.walkTree('tree', meta.trees[1], meta.transaction, Buffer.compare, node => {
      if (onEntry !== undefined) onEntry([node.key.toString('latin1'), this.valueOf(node)]);
    });
    for (const page of this.free) this.claim(page, 'is listed as free');
  }

  /** Entries of everything that looks like a leaf, in use or not. */
  *everyLeafEntry(): Iterable<{ entry: Entry; transaction: number }> {
    for (let page = 2; page < Math.floor(this.bytes / this.pageSize); page++) {
      const bytes = this.read(page, this.pageSize);
      if (bytes === undefined || Number(bytes.readBigUInt64LE(0)) !== page) continue;
      if (bytes.readUInt16LE(18) !== LEAF || typeof nodesOf(bytes, LEAF) === 'string') continue;
      for (const node of nodesOf(bytes, LEAF) as Node[]) {
        if (node.big !== undefined && !this.isOverflow(node.big)) continue;
        const entry: Entry = [node.key.toString('latin1'), this.valueOf(node)];
        yield { entry, transaction: Number(bytes.readBigUInt64LE(8)) };
      }
    }
  }

  /** While a commit writes one of them, two looks differ. */
  private newestMeta(): Meta | undefined {
    for (let look = 0; look < MAX_LOOKS; look++) {
      this.faults.length = 0;
      const meta = this.metaNow();
      if (JSON.stringify(meta) === JSON.stringify(this.metaNow())) return meta;
    }
    return this.metaNow();
  }

  private metaNow(): Meta | undefined {
    this.faults.length = 0;
    const first = this.readMeta(0);
    if (first !== undefined) this.pageSize = first.pageSize;
    const second = this.readMeta(1);
    if (first === undefined || second === undefined) {
      const left = first ?? second;
      if (left !== undefined) this.pageSize = left.pageSize;
      return left;
    }
    const [newer, older] = first.transaction >= second.transaction ? [first, second] : [second, first];
    const unused = first.transaction === 0 && second.transaction <= 1;
    if (newer.transaction - older.transaction !== 1 && !unused)
      this.fault(undefined, 'the two meta pages do not follow each other');
    // Of the older one only this: after a commit that failed, LMDB leaves half of the new content in it.
    for (const tree of [0, 1] as const)
      if (newer.trees[tree].flags !== older.trees[tree].flags)
        this.fault(undefined, 'the two meta pages differ in their flags');
    return newer;
  }

  private readMeta(page: 0 | 1): Meta | undefined {
    const bytes = this.read(page, HEADER + META_BYTES);
    const bad = (reason: string): undefined => void this.fault(page, reason);
    if (bytes === undefined) return bad('the file is too short for its meta pages');
    const at = HEADER;
    if (Number(bytes.readBigUInt64LE(0)) !== page || bytes.readUInt16LE(18) !== META)
      return bad('is no meta page');
    if (bytes.readUInt32LE(at) !== MAGIC || bytes.readUInt32LE(at + 4) !== VERSION)
      return bad('the meta page is not one of LMDB');
    const pageSize = bytes.readUInt32LE(at + 24);
    if (pageSize < 512 || pageSize > 65536 || (pageSize & (pageSize - 1)) !== 0)
      return bad('the meta page names no size of pages');
    const lastPage = Number(bytes.readBigUInt64LE(at + 120));
    const mapSize = Number(bytes.readBigUInt64LE(at + 16));
    const transaction = Number(bytes.readBigUInt64LE(at + 128));
    if (mapSize > 2 ** 47) return bad('the meta page names impossible sizes');
    if (bytes.readBigUInt64LE(at + 8) !== 0n) return bad('the meta page names an address');
    if (transaction % 2 !== page && transaction !== 0)
      return bad('the meta page is of a transaction of the other one');
    const trees = [24, 72].map(offset => readTree(bytes, at + offset)) as Meta['trees'];
    return { pageSize, trees, lastPage, transaction };
  }

  private async walkTree(
    name: string,
    tree: Tree,
    transaction: number,
    compare: (one: Buffer, other: Buffer) => number,
    onLeafNode: (node: Node) => void,
  ): Promise<void> {
    const seen = { branch: 0, leaf: 0, overflow: 0, entries: 0 };
    let last: Buffer | undefined;
    const visitLeaf = (page: number, newest: number, low: Buffer | undefined): void => {
      const found = this.readPage(page, LEAF, newest);
      if (found === undefined) return;
      seen.leaf++;
      for (const node of found.nodes) {
        if (last !== undefined && compare(last, node.key) >= 0) {
          this.fault(page, 'its keys are not in order');
          return;
        }
        if (low !== undefined && compare(node.key, low) < 0) {
          this.fault(page, 'it holds a key that belongs to another page');
          return;
        }
        last = node.key;
        seen.entries++;
        if (node.big !== undefined) {
          if (!this.takeOverflow(page, node.big)) continue;
          seen.overflow += node.big.pages;
        }
        onLeafNode(node);
      }
    };
    const visit = async (
      page: number,
      level: number,
      newest: number,
      low: Buffer | undefined,
    ): Promise<void> => {
      await this.rest();
      if (level === tree.depth) {
        visitLeaf(page, newest, low);
        return;
      }
      const found = this.readPage(page, BRANCH, newest);
      if (found === undefined) return;
      seen.branch++;
      for (const [index, node] of found.nodes.entries()) {
        // The first key of a branch stands for everything below the second.
        if (index > 0 && last !== undefined && compare(last, node.key) >= 0) {
          this.fault(page, 'its keys are not in order');
          return;
        }
        const below = index === 0 ? low : node.key;
        if (level + 1 < tree.depth) await visit(node.child, level + 1, found.transaction, below);
        else visitLeaf(node.child, found.transaction, below);
      }
      await this.rest();
    };
    if (tree.root !== undefined) await visit(tree.root, 1, transaction, undefined);
    const same =
      seen.entries === tree.entries &&
      (['branch', 'leaf', 'overflow'] as const).every(what => seen[what] === tree.pages[what]);
    if (!same && this.faults.length === 0)
      this.fault(undefined, `the ${name} holds another number of entries or pages than the meta page says`);
  }

  private readPage(
    page: number,
    flags: number,
    newest: number,
  ): { nodes: Node[]; transaction: number } | undefined {
    if (!this.claim(page, 'is used')) return undefined;
    const bytes = this.read(page, this.pageSize);
    const reason =
      bytes === undefined ? 'lies behind the end of the file' : this.headerFault(bytes, page, flags, newest);
    const nodes = reason ?? nodesOf(bytes as Buffer, flags);
    if (typeof nodes !== 'string')
      return { nodes, transaction: Number((bytes as Buffer).readBigUInt64LE(8)) };
    this.fault(page, nodes);
    return undefined;
  }

  private headerFault(bytes: Buffer, page: number, flags: number, newest: number): string | undefined {
    if (Number(bytes.readBigUInt64LE(0)) !== page) return 'bears the number of another page';
    if (bytes.readUInt16LE(18) !== flags) return 'is of another type than its place asks for';
    if (Number(bytes.readBigUInt64LE(8)) > newest) return 'is newer than the page above it';
    return undefined;
  }

  private takeOverflow(from: number, big: NonNullable<Node['big']>): boolean {
    for (let page = big.page; page < big.page + big.pages; page++)
      if (!this.claim(page, 'is used for a long value')) return false;
    if (this.isOverflow(big)) return true;
    this.fault(from, `its long value at page ${big.page} is not there whole`);
    return false;
  }

  private isOverflow({ page, pages, bytes }: NonNullable<Node['big']>): boolean {
    const header = this.read(page, HEADER);
    return (
      header !== undefined &&
      Number(header.readBigUInt64LE(0)) === page &&
      header.readUInt16LE(18) === OVERFLOW &&
      header.readUInt32LE(20) === pages &&
      HEADER + bytes <= pages * this.pageSize &&
      (page + pages) * this.pageSize <= this.bytes
    );
  }

  /** A record of the free list: a count, then page numbers; a negative one says how many pages start at the next. */
  private takeFree(node: Node): void {
    const value = this.valueOf(node);
    const count = value.length < 8 ? -1 : Number(value.readBigInt64LE(0));
    if (count < 0 || value.length < 8 * (count + 1)) {
      this.fault(undefined, 'the free list is cut short');
      return;
    }
    for (let index = 1; index <= count; index++) {
      const entry = Number(value.readBigInt64LE(8 * index));
      if (entry === 0) continue;
      if (entry > 0) {
        this.free.push(entry);
        continue;
      }
      const first = index < count ? Number(value.readBigInt64LE(8 * ++index)) : -1;
      if (first < 2 || first - entry - 1 > this.lastPage) {
        this.fault(undefined, 'the free list names pages that do not exist');
        return;
      }
      for (let page = first; page < first - entry; page++) this.free.push(page);
    }
  }

  /** Every page has one use at most. */
  private claim(page: number, use: string): boolean {
    if (page < 2 || page > this.lastPage) {
      this.fault(page, `${use}, but does not exist`);
      return false;
    }
    if (this.used[page] === 1) {
      this.fault(page, `${use}, and has another use already`);
      return false;
    }
    this.used[page] = 1;
    return true;
  }

  private valueOf({ page, from, to, big }: Node): Buffer {
    if (big === undefined) return Buffer.from(page.subarray(from, to));
    const bytes = Buffer.alloc(big.bytes);
    readSync(this.descriptor, bytes, 0, big.bytes, big.page * this.pageSize + HEADER);
    return bytes;
  }

  private read(page: number, length: number): Buffer | undefined {
    const bytes = Buffer.allocUnsafe(length);
    const got = readSync(this.descriptor, bytes, 0, length, page * this.pageSize);
    return got === length ? bytes : undefined;
  }

  private fault(page: number | undefined, reason: string): void {
    if (this.faults.length < MAX_FAULTS) this.faults.push({ page, reason });
  }
}

function readTree(bytes: Buffer, at: number): Tree {
  const number = (offset: number): number => Number(bytes.readBigUInt64LE(at + offset));
  const root = bytes.readBigUInt64LE(at + 40);
  return {
    flags: bytes.readUInt16LE(at + 4),
    depth: bytes.readUInt16LE(at + 6),
    pages: { branch: number(8), leaf: number(16), overflow: number(24) },
    entries: number(32),
    root: root === NONE ? undefined : Number(root),
  };
}

/** The nodes of a branch or a leaf, or what is wrong with them. */
function nodesOf(bytes: Buffer, type: number): Node[] | string {
  const lower = bytes.readUInt16LE(20);
  const upper = bytes.readUInt16LE(22);
  const room = bytes.length - HEADER;
  if (lower % 2 !== 0 || lower > upper || upper > room) return 'its free space is not possible';
  const nodes: Node[] = [];
  let filled = 0;
  for (let index = 0; index < lower / 2; index++) {
    const offset = bytes.readUInt16LE(HEADER + 2 * index);
    if (offset < upper || offset + NODE_HEADER > room) return `its node ${index} lies outside`;
    const at = HEADER + offset;
    const size = bytes.readUInt32LE(at);
    const flags = bytes.readUInt16LE(at + 4);
    const keyEnd = at + NODE_HEADER + bytes.readUInt16LE(at + 6);
    if (type === LEAF && (flags & ~BIG) !== 0) return `its node ${index} has unknown flags`;
    const inline = type === BRANCH ? 0 : flags === BIG ? OVERFLOW_LINK : size;
    const end = keyEnd + inline;
    if (end > bytes.length) return `its node ${index} is longer than the page`;
    filled += (end - at + 1) & ~1;
    nodes.push({
      key: bytes.subarray(at + NODE_HEADER, keyEnd),
      child: type === BRANCH ? size + flags * 2 ** 32 : 0,
      page: bytes,
      from: keyEnd,
      to: end,
      big:
        type === LEAF && flags === BIG
          ? {
              page: Number(bytes.readBigUInt64LE(keyEnd)),
              pages: Number(bytes.readBigUInt64LE(keyEnd + 16)),
              bytes: size,
            }
          : undefined,
    });
  }
  if (filled !== room - upper) return 'its nodes do not fill their space';
  return nodes.length === 0 ? 'it is empty' : nodes;
}

/** Keys of the free list are numbers of transactions. */
function byNumber(one: Buffer, other: Buffer): number {
  const [a, b] = [one, other].map(key => (key.length === 8 ? key.readBigUInt64LE(0) : -1n)) as [
    bigint,
    bigint,
  ];
  return a < b ? -1 : a > b ? 1 : 0;
}
