/**
 * What bundles cost: `npx tsx bench/bundle.ts [SERVICES [MEGABYTES]]` (default 10,000, each with 5 Real Servers, and 300 MB).
 * Makes and verifies a bundle of a real store beside `tar cz | gpg -c` and `gpg -d | tar xz` of the same files, in the same
 * run; then a bundle of about 2.9 MB, and one of so many megabytes of records for the memory. Prints a table in Markdown.
 */
import { execFileSync } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SchemaCheck } from '../backup/check.ts';
import { type CreateOptions, createBundle } from '../backup/create.ts';
import { openBundle } from '../backup/read.ts';
import { BundleSource } from '../backup/source.ts';
import { loadCatalog } from '../schema/catalog.ts';
import type { ConfigRecord } from '../schema/document.ts';
import { openLmdb } from '../store/lmdb.ts';
import { Store } from '../store/store.ts';
import type { Change } from '../store/transition.ts';
import { benchService, seeded } from './site.ts';

const SERVICES = Number(process.argv[2] ?? 10_000);
const MEGABYTES = Number(process.argv[3] ?? 300);
const SERVERS = 5;
const ROUNDS = 3;
const PASSPHRASE = 'correct horse battery staple';
const UNIT = { id: 'u', name: 'ha1', mode: 'first' as const, model: 'generic', release: '0.1.0' };

const catalog = loadCatalog();
const folder = mkdtempSync(path.join(tmpdir(), 'lockstep-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const at = (name: string): string => path.join(folder, name);

function row(what: string, ...cells: (string | number)[]): void {
  process.stdout.write(`| ${[what, ...cells].join(' | ')} |\n`);
}

/** The best of some rounds: the machine does other things as well. */
async function best(work: () => unknown): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    await work();
    least = Math.min(least, performance.now() - started);
  }
  return least;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}

async function create(snapshot: CreateOptions['snapshot'], file: string, withKeys = false): Promise<void> {
  const options = { snapshot, catalog, unit: UNIT, createdAt: new Date(0), passphrase: PASSPHRASE, withKeys };
  const { bytes } = await createBundle(options);
  await pipeline(bytes, createWriteStream(file));
}

async function verify(file: string): Promise<void> {
  const source = await BundleSource.open(file);
  const check = new SchemaCheck(catalog);
  await openBundle(source, PASSPHRASE, { look: check.look });
  await source.close();
}

/** `script` with GnuPG as $GPG; its own folder, so that no agent but its own is asked. */
function shell(script: string): void {
  const gpg = `gpg --homedir ${at('gnupg')} --batch --quiet --yes --no-symkey-cache --pinentry-mode loopback --passphrase-file ${at('pw')}`;
  execFileSync('bash', ['-euo', 'pipefail', '-c', script], {
    env: { ...process.env, GPG: gpg },
    stdio: ['ignore', 'ignore', 'ignore'],
  });
}

/** Watches the memory of this process while `work` runs; resolves to how far it rose, in MB. */
async function risen(work: () => Promise<void>): Promise<{ idle: number; peak: number }> {
  const rss = (): number => process.memoryUsage.rss() / 1e6;
  const idle = rss();
  let peak = idle;
  const watch = setInterval(() => {
    peak = Math.max(peak, rss());
  }, 20);
  await work().finally(() => clearInterval(watch));
  return { idle: Math.round(idle), peak: Math.round(peak) };
}

async function storeOf(services: number): Promise<Store> {
  const store = await Store.open({ port: openLmdb(at('store')), catalog, rules: [], now: () => new Date(0) });
  await store.setRole('active', 1);
  const random = seeded(1);
  for (let from = 0; from < services; from += 2000) {
    const changes: Change[] = [];
    for (let index = from; index < Math.min(services, from + 2000); index++) {
      const { id, value, servers } = benchService(index, SERVERS, random);
      changes.push({ op: 'put', path: `virtualServices/${id}`, value });
      for (const server of servers)
        changes.push({
          op: 'put',
          path: `virtualServices/${id}/realServers/${server.id}`,
          value: server.value,
        });
    }
    await store.commit({ changes, kind: 'change', author: 'bench', reason: '' });
  }
  return store;
}

/** Records that pack about as badly as certificates do, as many as make `bytes`. */
function incompressible(bytes: number): CreateOptions['snapshot'] {
  const random = seeded(2);
  const text = (): string => Array.from({ length: 1000 }, () => random(64).toString(36)).join('');
  const texts = Array.from({ length: 997 }, text);
  async function* list(top: string): AsyncGenerator<ConfigRecord> {
    if (top !== 'intermediates') return;
    for (let index = 0, made = 0; made < bytes; index++) {
      const certificate = `${index * 7919} ${texts[index % 997]?.slice(index % 500)}${texts[(index * 31) % 997]}`;
      made += certificate.length;
      yield { path: `intermediates/c${1e9 + index}`, value: { certificate } };
    }
  }
  const head = {
    revision: 1,
    epoch: 1,
    digest: '',
    role: 'active' as const,
    records: 0,
    common: '',
    commonRevision: 0,
  };
  return { head, list, close: () => undefined };
}

mkdirSync(at('gnupg'), { mode: 0o700 });
writeFileSync(at('pw'), PASSPHRASE);
const store = await storeOf(SERVICES);
const file = at('a.lockstep');

process.stdout.write(`${SERVICES} Virtual Services × ${SERVERS} Real Servers, best of ${ROUNDS}\n\n`);
row('what', 'Lockstep', 'stock tools', 'ratio');
row('---', '---', '---', '---');
const created = await best(async () => create(await store.snapshot(), file));
mkdirSync(at('files'));
shell(`$GPG -d ${file} | tar xz -C ${at('files')}`);
const stockCreated = await best(() => shell(`tar cz -C ${at('files')} . | $GPG -c -o ${at('stock')}`));
row('create', seconds(created), seconds(stockCreated), (created / stockCreated).toFixed(2));
const verified = await best(() => verify(file));
mkdirSync(at('out'));
const stockVerified = await best(() => shell(`$GPG -d ${at('stock')} | tar xz -C ${at('out')}`));
row('verify', seconds(verified), seconds(stockVerified), (verified / stockVerified).toFixed(2));
process.stdout.write(`\nThe bundle has ${(statSync(file).size / 1e6).toFixed(1)} MB.\n\n`);
await store.close();

row('what', 'size', 'create', 'verify');
row('---', '---', '---', '---');
const average = at('average.lockstep');
const averageCreated = await best(() => create(incompressible(2.45e6), average));
const averageVerified = await best(() => verify(average));
row(
  'an average bundle',
  `${(statSync(average).size / 1e6).toFixed(1)} MB`,
  seconds(averageCreated),
  seconds(averageVerified),
);

const large = at('large.lockstep');
const making = await risen(() => create(incompressible(MEGABYTES * 1e6), large));
const reading = await risen(() => verify(large));
process.stdout.write(
  `\n${MEGABYTES} MB of records: making it takes the process from ${making.idle} to ${making.peak} MB, verifying it from ` +
    `${reading.idle} to ${reading.peak} MB.\n`,
);
shell(`gpgconf --homedir ${at('gnupg')} --kill all`);
