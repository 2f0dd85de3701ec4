/**
 * What bundles cost, beside `tar cz | gpg -c` and `gpg -d | tar xz` of the same files: 10,000 Virtual Services, each with 5
 * Real Servers, in a real store; a bundle as large as the average of an appliance; the memory that many records take.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { openLmdb } from '../store/lmdb.ts';
import { Store } from '../store/store.ts';
import type { Change } from '../store/transition.ts';
import { openBundle } from '../unit/open-bundle.ts';
import { Restoring } from '../unit/restoring.ts';
import { type Bench, type Cost, cost, type Figure, inTurn } from './bench.ts';
import { catalog, create, incompressible, PASSPHRASE, verify } from './making.ts';
import { benchService, seeded } from './site.ts';

const SERVICES = 10_000;
const SERVERS = 5;
const ROUNDS = 7;
const LARGE_BYTES = 300e6;
const LARGE = path.join(import.meta.dirname, 'large-bundle.ts');

export const bundles: Bench = {
  name: 'bundles',
  run: async say => {
    const folder = mkdtempSync(path.join(tmpdir(), 'lockstep-bench-'));
    const at = (name: string): string => path.join(folder, name);
    mkdirSync(at('gnupg'), { mode: 0o700 });
    writeFileSync(at('pw'), PASSPHRASE);
    try {
      return [
        ...(await manyRecords(at, say)),
        ...(await averageBundle(at('average'), say)),
        ...(await largeBundle(at('large'), say)),
      ];
    } finally {
      stock(at, 'gpgconf --homedir $HOME --kill all');
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

type At = (name: string) => string;
type Say = (line: string) => void;

async function manyRecords(at: At, say: Say): Promise<Figure[]> {
  say(`fills a store with ${SERVICES} Virtual Services × ${SERVERS} Real Servers`);
  const store = await emptyStore(at('store'));
  await fill(store);
  const file = at('a.lockstep');
  await create(await store.snapshot(), file);
  for (const name of ['files', 'out']) mkdirSync(at(name));
  stock(at, `$GPG -d ${file} | tar xz -C ${at('files')}`);
  const packing = `tar cz -C ${at('files')} . | $GPG -c -o ${at('stock')}`;
  const unpacking = `$GPG -d ${at('stock')} | tar xz -C ${at('out')}`;
  say(`${ROUNDS} rounds of each`);
  const least = await inTurn(ROUNDS, {
    create: async () => cost(async () => create(await store.snapshot(), file)),
    packing: async () => stock(at, packing),
    verify: () => cost(() => verify(file)),
    unpacking: async () => stock(at, unpacking),
    same: () => cost(() => restore(store, file)),
  });
  let round = 0;
  const { empty } = await inTurn(2, {
    empty: async () => {
      const target = await emptyStore(at(`empty-${round++}`));
      const spent = await cost(() => restore(target, file));
      if (target.head.digest !== store.head.digest) throw new Error('the restored digest is another one');
      await target.close();
      return spent;
    },
  });
  await store.close();
  const { create: made, packing: packed, verify: verified, unpacking: unpacked, same } = least;
  const of = `60,000 records, ${megabytes(statSync(file).size)} packed`;
  return [
    { what: `create, ${of}`, measured: made, stock: packed, aim: { ratio: 1.5 } },
    { what: 'verify', measured: verified, stock: unpacked },
    { what: 'restore where nothing differs', measured: same, stock: unpacked },
    { what: 'restore on an empty unit', measured: empty, stock: unpacked },
  ];
}

async function averageBundle(file: string, say: Say): Promise<Figure[]> {
  say('a bundle as large as an average one');
  const least = await inTurn(ROUNDS, {
    create: () => cost(() => create(incompressible(2.45e6), file)),
    verify: () => cost(() => verify(file)),
  });
  const what = `of ${megabytes(statSync(file).size)}, with key derivation`;
  return [
    { what: `create ${what}`, measured: least.create, aim: { ms: 1500 } },
    { what: `verify ${what}`, measured: least.verify, aim: { ms: 1500 } },
  ];
}

async function largeBundle(file: string, say: Say): Promise<Figure[]> {
  say(`${megabytes(LARGE_BYTES)} of records`);
  const act = async (name: string): Promise<Cost> => {
    const args = ['--import', 'tsx', LARGE, name, file, String(LARGE_BYTES)];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return JSON.parse(stdout) as Cost;
  };
  const made = await act('create');
  const verified = await act('verify');
  return [
    { what: `create, ${megabytes(LARGE_BYTES)} of records`, measured: made, aim: { megabytes: 250 } },
    { what: `verify, ${megabytes(LARGE_BYTES)} of records`, measured: verified, aim: { megabytes: 250 } },
  ];
}

async function restore(store: Store, file: string): Promise<void> {
  const incoming = { find: async () => file, drop: async () => undefined };
  const restoring = new Restoring({
    store,
    catalog,
    incoming: incoming as never,
    openBundle,
    isPaired: () => false,
  });
  await restoring.restore({ upload: file, passphrase: PASSPHRASE, author: 'bench' });
}

/** `script` with GnuPG as $GPG; its own folder, so that no agent but its own is asked. */
function stock(at: At, script: string): Cost {
  const options = '--batch --quiet --yes --no-symkey-cache --pinentry-mode loopback';
  const started = performance.now();
  const said = execFileSync('bash', ['-euo', 'pipefail', '-c', `${script} 2>/dev/null\ntimes`], {
    env: {
      ...process.env,
      HOME: at('gnupg'),
      GPG: `gpg --homedir ${at('gnupg')} ${options} --passphrase-file ${at('pw')}`,
    },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const cpuMs = [...said.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1000,
    0,
  );
  return { ms: performance.now() - started, cpuMs };
}

async function emptyStore(folder: string): Promise<Store> {
  const store = await Store.open({ port: openLmdb(folder), catalog, rules: [], now: () => new Date(0) });
  await store.setRole('active', 1);
  return store;
}

async function fill(store: Store): Promise<void> {
  const random = seeded(1);
  for (let from = 0; from < SERVICES; from += 2000) {
    const changes: Change[] = [];
    for (let index = from; index < Math.min(SERVICES, from + 2000); index++) {
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
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
}
