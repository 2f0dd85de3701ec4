/** kill -9 in the middle of everything that two units do together, not of commits alone. */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { asLockstepError } from '../../schema/error.ts';
import { TestUnit } from '../e2e/daemon.ts';
import type { Fault } from './fault.ts';
import { onOnePair, type PatientPair } from './pair.ts';

/** The active unit, the standby, both: in turn. */
async function killInTurn(pair: PatientPair, number: number): Promise<string> {
  const victims = [[pair.active], [pair.standby], [pair.active, pair.standby]][number % 3] ?? [];
  const active = pair.active;
  await Promise.all(victims.map(unit => unit.kill()));
  return victims.length === 2 ? 'both' : victims[0] === active ? 'the active unit' : 'the standby';
}

function during(
  what: string,
  tries: number,
  subnet: number,
  act: (pair: PatientPair, number: number) => Promise<string>,
): Fault {
  const name = `kill -9 in ${what}`;
  return {
    name,
    tries,
    run: (times, log) =>
      onOnePair(subnet, times, async (pair, number) => {
        const resumed = pair.resumed;
        const tale = await act(pair, number);
        log(`${name} ${number + 1}: ${tale}${pair.resumed > resumed ? ', resumed' : ''}`);
      }),
  };
}

/** `lockstep` said no, or nothing any more. */
const outcomeOf = (asked: Promise<unknown>): Promise<string> =>
  asked.then(
    () => 'done',
    error => asLockstepError(error).code,
  );

const update = during('an update', 50, 182, async (pair, number) => {
  const committed = await pair.commit(1500);
  await sleep(Math.random() * 400);
  return `${await killInTurn(pair, number)}, after a commit that was ${committed}`;
});

const takeover = during('a takeover', 40, 183, async (pair, number) => {
  await pair.commit(20);
  const asked = outcomeOf(pair.standby.api.call('takeover', { force: false }));
  await sleep(Math.random() * 150);
  const killed = await killInTurn(pair, number);
  return `${killed}; the takeover was ${await asked}`;
});

const PASSPHRASE = 'four words are enough';

const restore = during('a restore', 30, 184, async (pair, number) => {
  const bundle = path.join(pair.folder, `bundle-${number}.lockstep`);
  const words = path.join(pair.folder, 'passphrase');
  writeFileSync(words, PASSPHRASE, { mode: 0o600 });
  const kept = pair.ledger.copy();
  await pair.active.typed('backup', 'create', '-o', bundle, '--passphrase-file', words);
  await pair.commit(10);
  const asked = pair.active.type('restore', bundle, '--passphrase-file', words, '--yes');
  await sleep(Math.random() * 900);
  const killed = await killInTurn(pair, 2 * number); // the active unit, both, the standby
  const { code } = await asked;
  pair.ledger.wentBack(kept, code === 0);
  return `${killed}; the restore ended with ${code}`;
});

/** A new unit takes the place of the standby, and one of the two dies while they are made a pair. */
const replace = during('a replacement of the standby', 20, 185, async (pair, number) => {
  await pair.commit(20);
  const { active, standby } = pair;
  const { mode } = (await standby.status()).unit;
  if (mode === 'single') throw new Error('a unit of a pair has no mode');
  const fresh = new TestUnit(path.join(pair.folder, `new-${number}`), `127.0.185.${10 + number}`, {
    timeoutMs: 20_000,
  });
  await fresh.init({ mode, name: `new-${number}`, virtualId: 1 });
  await pair.serve(fresh);
  const { code, host, port } = await active.api.call('invite', {
    replaces: (await active.status()).partner?.fingerprint ?? '',
  });
  const asked = outcomeOf(fresh.api.call('join', { host, port, code }));
  await sleep(Math.random() * 120);
  const victim = number % 2 === 0 ? active : fresh;
  await victim.kill();
  const outcome = await asked;
  await standby.kill();
  await pair.serve(victim);
  pair.take(fresh);
  for (const unit of [active, fresh])
    if ((await unit.status()).unit.pacified !== null) await unit.typed('resume');
  // What the operator types again when it was not finished.
  if (outcome !== 'done') {
    const pinned = (await active.status()).partner?.fingerprint;
    const again = await active.api.call('invite', pinned === undefined ? {} : { replaces: pinned });
    await outcomeOf(fresh.api.call('join', { host: again.host, port: again.port, code: again.code }));
  }
  return `${victim === active ? 'the active unit' : 'the new one'}; the pairing was ${outcome}`;
});

export const kills: Fault[] = [update, takeover, restore, replace];
