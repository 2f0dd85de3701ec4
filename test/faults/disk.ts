import { closeSync, openSync, readSync, statSync, truncateSync, writeSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { keys } from '../../store/keys.ts';
import { openLmdb } from '../../store/lmdb/lmdb.ts';
import { type TestUnit, until } from '../e2e/daemon.ts';
import type { Fault } from './fault.ts';
import { injecting, whyNoInjection } from './inject.ts';
import { isServing, onOnePair, type PatientPair } from './pair.ts';
import { powerCut } from './power.ts';

/** What LMDB asks of the disk for data.mdb, and what puts a file of the mirror in place. */
const OF_THE_STORE = ['writev', 'pwrite64', 'fdatasync'];
const OF_THE_MIRROR = ['rename'];
const FAULTS = ['error=EIO', 'error=ENOSPC', 'signal=SIGKILL'];
/** More calls of one kind than a small commit makes. */
const MOST_CALLS = 4;
/** The mirror writes some moments after the commit. */
const MIRROR_MS = 600;

interface Case {
  call: string;
  fault: string;
  nth: number;
}

/** Every call, each way to go wrong, the first to the last of its kind. */
function cases(calls: string[]): Case[] {
  return calls.flatMap(call =>
    FAULTS.flatMap(fault =>
      Array.from({ length: MOST_CALLS }, (_, index) => ({ call, fault, nth: index + 1 })),
    ),
  );
}

/** Evenly from all of them, so that a few tries touch every kind. */
function chosen(all: Case[], tries: number): Case[] {
  if (tries >= all.length) return all;
  return Array.from({ length: tries }, (_, index) => all[Math.floor((index * all.length) / tries)] as Case);
}

function injected(
  name: string,
  subnet: number,
  calls: string[],
  on: (pair: PatientPair) => { unit: TestUnit; file: string | undefined; settleMs: number },
): Fault {
  const all = cases(calls);
  return {
    name,
    tries: all.length,
    run: async (tries, log) => {
      const reason = whyNoInjection();
      if (reason !== undefined) {
        log(`${name}: not possible here: ${reason}`);
        return { tried: 0, lost: 0, backInStepMs: 0 };
      }
      const each = chosen(all, tries);
      return onOnePair(subnet, each.length, async (pair, number) => {
        const { call, fault, nth } = each[number] as Case;
        const { unit, file, settleMs } = on(pair);
        const { hit, result } = await injecting({ pid: unit.pid, on: file, call, fault, nth }, async () => {
          const outcome = await pair.commit();
          await sleep(settleMs);
          return outcome;
        });
        if (result === 'refused' && pair.refusal?.code !== 'disk')
          throw new Error(
            `${call} ${fault} ${nth}: refused as ${pair.refusal?.code}: ${pair.refusal?.message}`,
          );
        const serving = await isServing(unit);
        const how = serving
          ? 'serving'
          : fault === 'signal=SIGKILL'
            ? 'killed'
            : `ended ${await reasonOf(unit)}`;
        log(`${name}: ${call} ${nth} ${fault}${hit ? '' : ' (no such call)'}: ${result}, ${how}`);
      });
    },
  };
}

/** A unit that ends by itself says why. LMDB now and then aborts after a write that it was refused. */
async function reasonOf(unit: TestUnit): Promise<string> {
  const { signal } = await unit.stopped();
  if (signal === 'SIGABRT') return 'aborted by LMDB';
  if (unit.log.slice(-20).some(({ msg }) => msg === 'the store is lost to this process'))
    return 'with its reason';
  throw new Error(`the unit ended without a reason (${signal})`);
}

const dataFile = (unit: TestUnit): string => path.join(unit.dir, 'store', 'data.mdb');

/** Rebuild a standby and wait until it is good. */
async function rebuild(unit: TestUnit): Promise<void> {
  const { code, stderr } = await unit.cli('rebuild', '--from-partner', '--yes', '--mode', 'second');
  if (code !== 0) throw new Error(`the rebuild was refused: ${stderr}`);
}

function damaged(
  name: string,
  tries: number,
  subnet: number,
  harm: (pair: PatientPair, log: (line: string) => void) => Promise<void>,
): Fault {
  return {
    name,
    tries,
    run: (times, log) =>
      onOnePair(subnet, times, async (pair, number) => {
        await pair.commit(200);
        await pair.recover();
        await harm(pair, line => log(`${name} ${number + 1}: ${line}`));
      }),
  };
}

const record = damaged('record changed from outside', 5, 178, async ({ ha2 }, log) => {
  const port = openLmdb(path.join(ha2.dir, 'store'));
  await port.batch({
    expect: [],
    put: [[keys.pair('hosts/h1'), Buffer.from('{"address":"6.6.6.6"}')]],
    remove: [],
  });
  await port.close();
  const { findings } = await ha2.api.call('verifyStore');
  log(`found ${JSON.stringify(findings[0])}`);
  if (findings[0]?.path !== 'hosts/h1') throw new Error('the changed record was not found');
  await until('the partner is seen', async () => (await ha2.status()).partner?.role === 'active');
  await rebuild(ha2);
});

const flipped = damaged('flipped byte in the file of the store', 20, 179, async ({ ha2 }, log) => {
  await ha2.stop();
  const file = openSync(dataFile(ha2), 'r+');
  const place = Math.floor(Math.random() * statSync(dataFile(ha2)).size);
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, place);
  writeSync(file, Buffer.from([(byte[0] as number) ^ (1 << Math.floor(Math.random() * 8))]), 0, 1, place);
  closeSync(file);
  const { code, stderr } = await ha2.cli('verify-store');
  if (code !== 4) throw new Error(`nobody serves, but verify-store ended with ${code}: ${stderr}`);
  const started = await ha2.start('--interval', '1', '--every-commit', '--scrub-hours', '0').then(
    () => undefined,
    (error: Error) => error.message,
  );
  if (started !== undefined) {
    if (!/ended with 5/.test(started)) throw new Error(started);
    log(`byte ${place}: refused at the start`);
    return rebuild(ha2);
  }
  const { damaged: bad, findings } = await ha2.api.call('verifyStore');
  log(
    `byte ${place}: ${bad ? `found: ${findings[0]?.path} ${findings[0]?.reason}` : 'in nothing that is in use'}`,
  );
  if (!bad) return;
  await until('the partner is seen', async () => (await ha2.status()).partner?.role === 'active');
  await rebuild(ha2);
});

const short = damaged('file of the store cut short', 5, 180, async ({ ha2 }, log) => {
  await ha2.stop();
  const left = Math.floor((Math.random() * statSync(dataFile(ha2)).size) / 2);
  truncateSync(dataFile(ha2), left);
  const { code } = await ha2.cli('serve', '--listen', ha2.listen);
  log(`to ${left} bytes: the start ended with ${code}`);
  if (code !== 5) throw new Error(`the start ended with ${code}`);
  await rebuild(ha2);
});

export const disks: Fault[] = [
  injected('disk fails in a commit (active)', 175, OF_THE_STORE, ({ ha1 }) => ({
    unit: ha1,
    file: dataFile(ha1),
    settleMs: 0,
  })),
  injected('disk fails in an update (standby)', 176, OF_THE_STORE, ({ ha2 }) => ({
    unit: ha2,
    file: dataFile(ha2),
    settleMs: 400,
  })),
  injected('disk fails in a write of the mirror', 177, OF_THE_MIRROR, ({ ha1 }) => ({
    unit: ha1,
    file: undefined,
    settleMs: MIRROR_MS,
  })),
  record,
  flipped,
  short,
  powerCut,
];
