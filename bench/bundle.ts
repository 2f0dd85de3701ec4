/**
 * What bundles cost, beside `tar cz | gpg -c` and `gpg -d | tar xz` of the same files, and restic: 10,000 Virtual Services, each
 * with 5 Real Servers, in a real store; a bundle as large as the average of an appliance; the memory that many records take.
 */
import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { openLmdb } from '../store/lmdb/lmdb.ts';
import { Store } from '../store/store.ts';
import type { Change } from '../store/transition.ts';
import { openBundle } from '../unit/backups/open-bundle.ts';
import { Restoring } from '../unit/backups/restoring.ts';
import { changeAnswer } from '../unit/changes/views.ts';
import type { Bench } from './bench.ts';
import type { Cost, Figure } from './figure.ts';
import { catalog, create, incompressible, PASSPHRASE, verify } from './making.ts';
import { isInstalled } from './program.ts';
import { scratchFolder } from './scratch.ts';
import { parts } from './site.ts';
import { StockBundle } from './stock-bundle.ts';
import { cost, inTurn } from './timing.ts';

const SERVICES = 10_000;
const ROUNDS = 7;
const AVERAGE_BYTES = 2.45e6;
const LARGE_BYTES = [100e6, 300e6] as const;
const LARGE = path.join(import.meta.dirname, 'large-bundle.ts');
const TAR_GPG = 'tar cz | gpg -c';
const GPG_TAR = 'gpg -d | tar xz';

type Say = (line: string) => void;

export const bundles: Bench = {
  name: 'bundles',
  run: async ({ say, note }) => {
    const { folder, remove } = scratchFolder();
    try {
      note('restic: a new repository on the same disk each time; that it is made is not counted.');
      return [
        ...(await manyRecords(
          folder,
          { services: SERVICES, rounds: ROUNDS, emptyRounds: 3, restic: true },
          say,
        )),
        ...(await averageBundle(path.join(folder, 'average'), say)),
        ...(await largeBundles(path.join(folder, 'large'), say)),
      ];
    } finally {
      remove();
    }
  },
};

export interface ManyRecords {
  services: number;
  rounds: number;
  /** Of restores on an empty unit. */
  emptyRounds: number;
  /** Beside restic, where it is installed; a repository takes seconds to make. */
  restic: boolean;
}

export const CREATE = 'create a bundle';
export const VERIFY = 'verify a bundle: every hash, every record against its schema';
export const RESTORE = 'restore a bundle where nothing differs';
export const RESTORE_EMPTY = 'restore a bundle on an empty unit';

export async function manyRecords(
  folder: string,
  { services, rounds, emptyRounds, restic }: ManyRecords,
  say: Say,
): Promise<Figure[]> {
  say(`fills a store with ${services.toLocaleString('en')} Virtual Services`);
  const store = await emptyStore(path.join(folder, 'store'));
  await fill(store, services);
  const file = path.join(folder, 'a.lockstep');
  await create(await store.snapshot(), file);
  const stock = new StockBundle(path.join(folder, 'stock'), file);
  const withRestic = restic && isInstalled('restic');
  say(`${rounds} rounds of each`);
  const took = await inTurn(rounds, {
    create: async () => cost(async () => create(await store.snapshot(), file)),
    pack: async () => stock.pack(),
    verify: () => cost(() => verify(file)),
    unpack: async () => stock.unpack(),
    same: () => cost(() => restore(store, file)),
    ...(withRestic
      ? { resticBackup: async () => stock.resticBackup(), resticRestore: async () => stock.resticRestore() }
      : {}),
  });
  let round = 0;
  const { empty } = await inTurn(emptyRounds, {
    empty: async () => {
      const target = await emptyStore(path.join(folder, `empty-${round++}`));
      const spent = await cost(() => restore(target, file));
      if (target.head.digest !== store.head.digest) throw new Error('the restored digest is another one');
      await target.close();
      return spent;
    },
  });
  await store.close();
  stock.end();
  const packing = rivals(TAR_GPG, took.pack, 'restic backup', took.resticBackup);
  const unpacking = rivals(GPG_TAR, took.unpack, 'restic restore', took.resticRestore);
  return [
    { services, what: CREATE, measured: took.create, rivals: packing, aim: { stock: 1.5 } },
    { services, what: VERIFY, measured: took.verify, rivals: unpacking.slice(0, 1) },
    { services, what: RESTORE, measured: took.same, rivals: unpacking, aim: { stock: 2 } },
    { services, what: RESTORE_EMPTY, measured: empty, rivals: unpacking, aim: { stock: 2 } },
  ];
}

function rivals(
  stock: string,
  stockCost: Cost,
  other: string,
  otherCost?: Cost,
): { who: string; cost: Cost }[] {
  const both = [{ who: stock, cost: stockCost }];
  return otherCost === undefined ? both : [...both, { who: other, cost: otherCost }];
}

async function averageBundle(file: string, say: Say): Promise<Figure[]> {
  say('a bundle as large as an average one');
  const took = await inTurn(ROUNDS, {
    create: () => cost(() => create(incompressible(AVERAGE_BYTES), file)),
    verify: () => cost(() => verify(file)),
  });
  const of = `of ${megabytes(statSync(file).size)}, with key derivation`;
  return [
    { what: `create a bundle ${of}`, measured: took.create, aim: { ms: 1500 } },
    { what: `verify a bundle ${of}`, measured: took.verify, aim: { ms: 1500 } },
  ];
}

/** Memory is flat when three times as many records take about as much. */
async function largeBundles(file: string, say: Say): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const bytes of LARGE_BYTES) {
    say(`${megabytes(bytes)} of records`);
    for (const act of ['create', 'verify']) {
      const args = ['--import', 'tsx', LARGE, act, file, String(bytes)];
      const { stdout } = await promisify(execFile)(process.execPath, args);
      const measured = JSON.parse(stdout) as Cost;
      figures.push({
        what: `${act} a bundle of ${megabytes(bytes)} of records`,
        measured,
        aim: { megabytes: 250 },
      });
    }
  }
  return figures;
}

async function restore(store: Store, file: string): Promise<void> {
  const incoming = { find: async () => file, drop: async () => undefined };
  const restoring = new Restoring({
    store,
    catalog,
    incoming: incoming as never,
    openBundle,
    answers: { to: async (result, dryRun) => changeAnswer(catalog, result, dryRun) },
    unitId: '',
    partner: () => undefined,
    answersAt: async () => false,
  });
  await restoring.restore({ upload: file, passphrase: PASSPHRASE, author: 'bench' });
}

async function emptyStore(folder: string): Promise<Store> {
  const store = await Store.open({ port: openLmdb(folder), catalog, rules: [], now: () => new Date(0) });
  await store.setRole('active', 1);
  return store;
}

async function fill(store: Store, services: number): Promise<void> {
  for (const part of parts(services, 2000)) {
    const changes = part.flatMap(({ id, value, servers }): Change[] => [
      { op: 'put', path: `virtualServices/${id}`, value },
      ...servers.map(
        (server): Change => ({
          op: 'put',
          path: `virtualServices/${id}/realServers/${server.id}`,
          value: server.value,
        }),
      ),
    ]);
    await store.commit({ changes, kind: 'change', author: 'bench', reason: '' });
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
