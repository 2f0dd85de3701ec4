/** Records what one unit of a pair asks the other, by standing between the two with the keys of both. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Duplex } from 'node:stream';
import type { Partner } from '../../sync/pairing.ts';
import { type TestUnit, until, untilInStep } from '../e2e/daemon.ts';
import { PLACES, type Recorded, type SetName, type Turn, UNITS, type UnitName } from './golden.ts';
import { branchOf, saidAgain, serve } from './story.ts';
import { call, Listener, onMessages } from './wire.ts';

/** Where somebody listens in the place of each unit. */
const BETWEEN = {
  ha1: { address: '127.0.79.11', port: 6973 },
  ha2: { address: '127.0.79.12', port: 6973 },
} as const;

export type Pair = Record<UnitName, TestUnit>;

type Say = (unit: UnitName, ...words: string[]) => Promise<void>;

interface Story {
  name: string;
  from: SetName;
  asker: UnitName;
  happens(say: Say, pair: Pair): Promise<void>;
}

const HOST = 'hosts/recorded.example.com';

const STORIES: Story[] = [
  {
    name: 'an active unit and its standby',
    from: 'in-step',
    asker: 'ha1',
    async happens(say, { ha1, ha2 }) {
      await untilInStep(ha1, ha2);
      await say('ha1', 'set', `${HOST}/address`, '10.9.0.1', '--reason', 'recorded');
      await untilInStep(ha1, ha2);
      await say('ha1', 'set', `${HOST}/address`, '10.9.0.2', '--wait');
      await untilInStep(ha1, ha2);
      await say('ha1', 'set', `${HOST}/address`, '10.9.0.3', '--confirm', '5');
      await untilInStep(ha1, ha2);
      await say('ha1', 'confirm');
      await until('the standby knows', async () => (await ha2.status()).provisional === null);
      await say('ha1', 'unset', HOST);
      await untilInStep(ha1, ha2);
      await say('ha1', 'audit');
      await say('ha1', 'doctor', '--before', 'takeover');
    },
  },
  {
    name: 'a standby that takes over',
    from: 'in-step',
    asker: 'ha2',
    async happens(say, { ha1, ha2 }) {
      await untilInStep(ha1, ha2);
      await say('ha2', 'takeover');
      await untilInStep(ha1, ha2);
      await say('ha2', 'set', `${HOST}/address`, '10.9.1.1');
      await untilInStep(ha1, ha2);
      await say('ha2', 'audit');
    },
  },
  {
    name: 'two active units, one of which is made to stand down',
    from: 'divided',
    asker: 'ha2',
    async happens(say, { ha1, ha2 }) {
      await until('both are active', async () => (await ha2.status()).sync.state === 'both-active');
      await say('ha2', 'takeover', '--force');
      const name = await branchOf(ha2, ha1);
      await say('ha2', 'merge', name, '--theirs', 'hosts/both.example.com');
      await untilInStep(ha1, ha2);
      await until('no branch is open', async () => (await ha1.status()).branches.length === 0);
    },
  },
];

/** `setOut`: both units of a copy of a set, not started. */
export async function recordConversations(
  setOut: (set: SetName, story: number) => Pair,
): Promise<Recorded[]> {
  const all: Recorded[] = [];
  for (const [number, story] of STORIES.entries()) all.push(await record(story, setOut(story.from, number)));
  return all;
}

async function record({ name, from, asker, happens }: Story, pair: Pair): Promise<Recorded> {
  const turns: Turn[] = [];
  const keys = { ha1: keysOf(pair.ha1), ha2: keysOf(pair.ha2) };
  const listeners: Listener[] = [];
  let lines = 0;
  for (const asked of UNITS) {
    const asking = asked === 'ha1' ? 'ha2' : 'ha1';
    keys[asking].redirect(BETWEEN[asked].address);
    const listener = await Listener.open(BETWEEN[asked], keys[asked].hostKey, stream => {
      const line = lines++;
      const hear = asking === asker ? (turn: Turn) => void turns.push(turn) : undefined;
      void passOn(stream, line, PLACES[asked], keys[asking].clientKey, BETWEEN[asking].address, hear);
    });
    listeners.push(listener);
  }
  const say: Say = async (unit, ...words) => {
    const { state } = (await pair[unit].status()).sync;
    if (unit === asker) turns.push({ typed: words, state });
    await saidAgain(pair[unit], words);
  };
  try {
    await Promise.all(UNITS.map(unit => serve(pair[unit])));
    await happens(say, pair);
  } finally {
    await Promise.all(UNITS.map(unit => pair[unit].stop()));
    await Promise.all(listeners.map(listener => listener.close()));
  }
  return { name, from, asker, turns };
}

async function passOn(
  near: Duplex,
  line: number,
  place: { address: string; port: number },
  clientKey: string,
  from: string,
  hear: ((turn: Turn) => void) | undefined,
): Promise<void> {
  near.pause();
  try {
    const { client, stream: far } = await call(place, clientKey, from);
    if (hear !== undefined) {
      onMessages<Record<string, unknown>>(near, request => hear({ line, request }));
      onMessages<Record<string, unknown>>(far, reply => hear({ line, reply }));
    }
    near.on('close', () => client.end());
    far.on('close', () => near.destroy());
    near.pipe(far);
    far.pipe(near);
  } catch {
    near.destroy(); // as if nobody listened
  }
}

function keysOf(unit: TestUnit): { hostKey: string; clientKey: string; redirect(host: string): void } {
  const file = (name: string): string => path.join(unit.dir, 'keys', name);
  return {
    hostKey: readFileSync(file('host_ed25519'), 'utf8'),
    clientKey: readFileSync(file('client_ed25519'), 'utf8'),
    redirect(host) {
      const partner = JSON.parse(readFileSync(file('partner.json'), 'utf8')) as Partner;
      writeFileSync(file('partner.json'), JSON.stringify({ ...partner, host }));
    },
  };
}
