import { setTimeout as sleep } from 'node:timers/promises';
import type { ApiClient } from '../../api/client.ts';
import { act } from '../../replace/act.ts';
import type { Journal } from '../../replace/journal.ts';
import { observe } from '../../replace/observe.ts';
import { type Letter, type Place, type Plan, planned } from '../../replace/plan.ts';
import type { RunnerPorts } from '../../replace/runner.ts';
import { type PassphraseOptions, passphraseOnce } from '../bundle/passphrase.ts';
import type { Context } from '../context.ts';
import { BundleFolder } from './bundle-folder.ts';

/** A unit that hangs must not stop the measuring of the others. */
const LOOK_MS = 10_000;
const PAUSE_MS = 500;
const BUNDLES = ['a.lockstep', 'b.lockstep', 'certificates.certs.lockstep'];

/** The ports of the runner: the units of the plan, and the bundles of the folder. */
export function portsOf(context: Context, journal: Journal, options: PassphraseOptions): RunnerPorts {
  const { plan, folder } = journal;
  const bundles = new BundleFolder(folder, passphraseOnce(context, options));
  const unitAt = clients(context);
  let places: Partial<Record<Letter, Place>> = {};
  const pause = (): Promise<void> => sleep(PAUSE_MS);
  const unitOf = (letter: Letter): ApiClient => unitAt(places[letter] ?? planned(plan, letter).place);
  return {
    look: async () => {
      const { places: found, ...seen } = await look(plan, unitAt);
      places = { ...places, ...found };
      return { ...seen, bundles: await bundles.present(BUNDLES) };
    },
    act: action =>
      act(
        { plan, unitOf, bundles, pause, facts: () => journal.facts, tell: line => context.out.note(line) },
        action,
      ),
    pause,
    clock: () => performance.now(),
    tell: line => context.out.note(line),
  };
}

function look(plan: Plan, unitAt: (place: Place, timeoutMs?: number) => ApiClient) {
  return observe(plan, place => unitAt(place, LOOK_MS));
}

/** One connection a place. */
function clients(context: Context): (place: Place, timeoutMs?: number) => ApiClient {
  const known = new Map<string, ApiClient>();
  return (place, timeoutMs) => {
    const key = JSON.stringify([place, timeoutMs ?? 0]);
    const client = known.get(key) ?? context.unitAt(place, timeoutMs);
    known.set(key, client);
    return client;
  };
}
