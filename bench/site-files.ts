/**
 * The same site as files, for those that carry files: as one document, and as one file a record in 256 folders, so that none
 * is large. Nobody has to pay for these files: they are written before the clock starts.
 */
import { closeSync, mkdirSync, openSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { type BenchService, nickname, serviceId, site } from './site.ts';

export type Layout = 'document' | 'records';

const DOCUMENT = 'configuration.json';
const SHARDS = 256;
const NICKNAME = '"nickname":"';
/** Every change is some seconds younger than the one before: some look at whole seconds only, and for unison one second, or an hour, is none. */
const STEP_S = 7;
const PAST_S = 24 * 3600;

export class SiteFiles {
  private readonly at: string;
  private readonly services: number;
  private readonly layouts: Set<Layout>;
  /** Where the nickname of each Virtual Service stands in the document. */
  private readonly offsets: Float64Array;
  private readonly began = Date.now() / 1000 - PAST_S;
  private changes = 0;

  constructor(at: string, services: number, layouts: Set<Layout>) {
    this.at = at;
    this.services = services;
    this.layouts = layouts;
    this.offsets = new Float64Array(services);
    for (const layout of layouts) mkdirSync(this.folder(layout), { recursive: true });
    if (layouts.has('document')) this.writeDocument();
    if (layouts.has('records')) this.writeRecords();
  }

  folder(layout: Layout): string {
    return path.join(this.at, layout);
  }

  /** Renames these Virtual Services; the files that changed, relative to the folder of each layout. */
  rename(indices: number[]): Record<Layout, string[]> {
    this.changes++;
    const name = nickname('renamed', this.changes);
    const changed: Record<Layout, string[]> = { document: [], records: [] };
    if (this.layouts.has('document')) {
      const file = openSync(path.join(this.folder('document'), DOCUMENT), 'r+');
      for (const index of indices) writeSync(file, name, this.offsets[index] as number);
      closeSync(file);
      changed.document.push(DOCUMENT);
    }
    if (this.layouts.has('records'))
      for (const index of indices) {
        const file = recordFile(index, serviceId(index));
        const target = openSync(path.join(this.folder('records'), file), 'r+');
        writeSync(target, name, NICKNAME.length + 1);
        closeSync(target);
        changed.records.push(file);
      }
    for (const layout of this.layouts) for (const file of changed[layout]) this.age(layout, file);
    return changed;
  }

  private age(layout: Layout, file: string): void {
    const at = this.began + this.changes * STEP_S;
    utimesSync(path.join(this.folder(layout), file), at, at);
  }

  private writeDocument(): void {
    const file = openSync(path.join(this.folder('document'), DOCUMENT), 'w');
    let written = writeSync(file, '{"virtualServices":{\n');
    let index = 0;
    for (const service of site(this.services)) {
      const text = documentLine(service);
      this.offsets[index] = written + text.indexOf(NICKNAME) + NICKNAME.length;
      written += writeSync(file, `${text}${++index === this.services ? '' : ','}\n`);
    }
    writeSync(file, '}}\n');
    closeSync(file);
    this.age('document', DOCUMENT);
  }

  private writeRecords(): void {
    const folder = this.folder('records');
    for (let shard = 0; shard < SHARDS; shard++) mkdirSync(path.join(folder, shardOf(shard)));
    let index = 0;
    for (const { id, value, servers } of site(this.services)) {
      this.writeRecord(recordFile(index, id), value);
      for (const server of servers) this.writeRecord(recordFile(index, `${id}@${server.id}`), server.value);
      index++;
    }
  }

  private writeRecord(file: string, value: object): void {
    writeFileSync(path.join(this.folder('records'), file), `${JSON.stringify(value)}\n`);
    this.age('records', file);
  }
}

/** A line a Virtual Service: whoever compares by lines or blocks finds the one that changed. */
function documentLine({ id, value, servers }: BenchService): string {
  const realServers = Object.fromEntries(servers.map(server => [server.id, server.value]));
  return `${JSON.stringify(id)}:${JSON.stringify({ ...value, realServers })}`;
}

function recordFile(index: number, name: string): string {
  return `${shardOf(index)}/${name.replaceAll(':', '_')}.json`;
}

function shardOf(index: number): string {
  return (index % SHARDS).toString(16).padStart(2, '0');
}
