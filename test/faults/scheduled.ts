import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import path from 'node:path';
import { generateKeyPair } from '../../sync/ssh/keys.ts';
import { read } from '../backup/open.ts';
import { TestUnit, temporaryFolder, until } from '../e2e/daemon.ts';
import { hasSshd, startSshd } from '../sync/ssh/sshd.ts';
import { ShiftedClock } from './clock.ts';
import type { Fault } from './fault.ts';
import { Gate } from './gate.ts';

const DAY_MS = 24 * 3_600_000;
/** A unit runs at most so much later than its schedule says. */
const SPREAD_MS = 30 * 60_000;
const PASSPHRASE = 'four words are enough';
const RECORDS = 3000;
/** What SSH says before the first byte of a file. */
const GREETING_BYTES = 3000;

/**
 * A scheduled bundle is on its way to a real sshd when the daemon is killed, each time some bytes later. What lies on the host
 * then is whole or does not look finished; the daemon starts again and makes up the run by itself.
 */
export const scheduled: Fault = {
  name: 'kill -9 while a scheduled bundle is sent',
  tries: 12,
  run: async (tries, log) => {
    if (!hasSshd()) throw new Error('it needs openssh-server');
    const { folder, remove } = temporaryFolder();
    const clock = new ShiftedClock(folder);
    const unit = new TestUnit(path.join(folder, 'u'), '127.0.176.1', { inside: clock.inside });
    const [host, identity] = [generateKeyPair(), generateKeyPair()];
    const sshd = await startSshd(folder, { hostKey: host.private, authorized: [identity.public] });
    const gate = await Gate.open(sshd.port);
    const vault = path.join(folder, 'vault');
    mkdirSync(vault);
    const serve = (): Promise<TestUnit> => unit.start('--no-mirror', '--scrub-hours', '0');
    try {
      await unit.init({ mode: 'single', name: 'ha1' });
      await serve();
      await fill(unit);
      await unit.api.call('change', {
        changes: [{ op: 'put', path: 'backupSchedule', value: schedule(gate.port, vault, identity, host) }],
      });
      let longest = 0;
      let size = 0;
      for (let number = 0; number <= tries; number++) {
        const known = await runOf(unit);
        const held = gate.holdAfter(
          number === 0 ? Number.POSITIVE_INFINITY : GREETING_BYTES + Math.round((size * number) / tries),
        );
        clock.forward(DAY_MS + SPREAD_MS);
        await unit.api.call('change', {
          changes: [{ op: 'set', path: 'backupSchedule', field: ['keepLast'], value: 20 + number }],
        });
        if (number > 0) {
          await Promise.race([held, untilRun(unit, known)]);
          await unit.kill();
          gate.release();
          const finished = await assertWhole(vault);
          log(`kill ${number}: ${finished} whole bundles on the host, ${partsIn(vault)} unfinished`);
        }
        const began = performance.now();
        if (number > 0) await serve();
        await untilRun(unit, known);
        longest = Math.max(longest, performance.now() - began);
        const { name = '', bytes = 0 } = (await unit.status()).backup.lastRun ?? {};
        assert.ok(readdirSync(vault).includes(name), `${name} is not on the host`);
        size = bytes;
        assert.equal(await assertWhole(vault), number + 1, 'each run has left one bundle');
        assert.equal(partsIn(vault), 0, 'nothing unfinished is left once the run was made up');
      }
      return { tried: tries, lost: 0, backInStepMs: Math.round(longest) };
    } finally {
      await unit.kill();
      await gate.close();
      await sshd.stop();
      remove();
    }
  },
};

function schedule(
  port: number,
  vault: string,
  { private: key }: { private: string },
  { public: hostKey }: { public: string },
) {
  return {
    enabled: true,
    day: 0,
    hour: 3,
    minute: 30,
    method: 'sftp',
    host: `127.0.0.1:${port}`,
    user: userInfo().username,
    path: vault,
    key,
    hostKey: hostKey.split(' ').slice(0, 2).join(' '),
    passphrase: PASSPHRASE,
  };
}

async function fill(unit: TestUnit): Promise<void> {
  const word = (): string => Math.floor(Math.random() * 0xffff + 1).toString(16);
  const changes = Array.from({ length: RECORDS }, (_, index) => ({
    op: 'put' as const,
    path: `hosts/h${index}`,
    value: { address: `fd00:${word()}:${word()}:${word()}:${word()}:${word()}:${word()}:${word()}` },
  }));
  await unit.api.call('change', { changes });
}

async function runOf(unit: TestUnit): Promise<string | undefined> {
  return (await unit.status()).backup.lastRun?.at;
}

async function untilRun(unit: TestUnit, known: string | undefined): Promise<void> {
  await until(
    'the missed run is made up',
    async () => {
      const { lastRun } = (await unit.status()).backup;
      return lastRun !== null && lastRun.at !== known && lastRun.reason === undefined;
    },
    30_000,
    async () => JSON.stringify((await unit.status()).backup.lastRun),
  );
}

/** Every file that looks finished can be read to its end; resolves to how many there are. */
async function assertWhole(vault: string): Promise<number> {
  const finished = readdirSync(vault).filter(name => !name.startsWith('.'));
  for (const name of finished) await read(readFileSync(path.join(vault, name)), { passphrase: PASSPHRASE });
  return finished.length;
}

function partsIn(vault: string): number {
  return readdirSync(vault).filter(name => name.startsWith('.')).length;
}
