import { asLockstepError, type ErrorBody, LockstepError } from '../schema/error.ts';
import type { Json } from '../schema/json.ts';
import { Conditions } from './conditions.ts';
import type { Journal } from './journal.ts';
import type { Facts, Seen } from './observe.ts';
import { type Standing, standing } from './progress.ts';
import type { Action, Step } from './step.ts';
import { stepsBack, stepsOf } from './steps.ts';

/** What the runner needs from outside. */
export interface RunnerPorts {
  /** Measures all that a condition may look at. */
  look(): Promise<Omit<Seen, 'facts'>>;
  act(action: Action): Promise<Facts>;
  /** Resolves a moment later. */
  pause(): Promise<void>;
  /** Milliseconds, of a clock that only goes forward. */
  clock(): number;
  tell(line: string): void;
}

interface RunOptions {
  /** Steps of a person: `wait` until they are measured, or end there. */
  wait: boolean;
}

/** How a run ended. */
export type Ended = { is: 'done' } | { is: 'waits'; step: Step; missing: string[] };

/** How long the end of a step may take to show after it was done. */
const SETTLING_MS = 60_000;
/** How long units that were just started take to see each other. */
const MEETING_MS = 15_000;
/** A unit may end the connection with the very change that was asked for: its operators are others then. */
const ANSWER_LOST_MS = 3_000;

/** Throws `replace-step` when there is no way back any more. */
export function stepsOfJournal(journal: Journal): Step[] {
  return journal.isBack ? stepsBack(journal.plan, journal.begun) : stepsOf(journal.plan);
}

/** What is measured, with what the journal tells. */
export async function lookAround(journal: Journal, ports: Pick<RunnerPorts, 'look'>): Promise<Seen> {
  return { ...(await ports.look()), facts: journal.facts };
}

/**
 * Goes on from wherever it stands: measures, takes the first step whose end does not hold, and measures again. May be
 * killed anywhere and started again. Throws `replace-step` when a step cannot be begun or does not end, and what a unit refuses.
 */
export async function run(journal: Journal, ports: RunnerPorts, { wait }: RunOptions): Promise<Ended> {
  const steps = stepsOfJournal(journal);
  let waitingFor = '';
  for (;;) {
    const stands = await standsAtLast(journal, ports, steps);
    await noteDone(journal, ports, steps, stands);
    const { step, missing, obstacles } = stands;
    if (step === undefined) {
      if (journal.entries.at(-1)?.event !== 'ended') await journal.write('ended', '');
      return { is: 'done' };
    }
    if (step.action === undefined) {
      if (waitingFor !== step.id) {
        waitingFor = step.id;
        await journal.write('begun', step.id);
        await journal.write('waiting', step.id, { missing });
        ports.tell(`${step.id}: waits for you: ${step.does}\n  ${missing.join('\n  ')}`);
      }
      if (!wait) return { is: 'waits', step, missing };
      await ports.pause();
      continue;
    }
    if (obstacles.length > 0) throw await refused(journal, step, obstacles, missing);
    waitingFor = '';
    await take(journal, ports, step, step.action);
  }
}

/** Where it stands by what was measured. */
export function standsAt(journal: Journal, steps: readonly Step[], seen: Seen): Standing {
  const { begun, done, plan } = journal;
  return standing(steps, seen, { begun, done, guards: new Conditions(plan).guards });
}

/** Units that were started a moment ago are given the time to find each other. */
async function standsAtLast(journal: Journal, ports: RunnerPorts, steps: readonly Step[]): Promise<Standing> {
  const from = ports.clock();
  for (;;) {
    const stands = standsAt(journal, steps, await lookAround(journal, ports));
    if (!stands.passing || stands.step?.action === undefined || ports.clock() - from > MEETING_MS)
      return stands;
    await ports.pause();
  }
}

async function noteDone(
  journal: Journal,
  ports: RunnerPorts,
  steps: readonly Step[],
  { next }: Standing,
): Promise<void> {
  const { done } = journal;
  for (const { id, title } of steps.slice(0, next)) {
    if (done.has(id)) continue;
    await journal.write('done', id, { measured: true });
    ports.tell(`${id}: ${title}`);
  }
}

async function take(journal: Journal, ports: RunnerPorts, step: Step, action: Action): Promise<void> {
  await journal.write('begun', step.id);
  const began = ports.clock();
  let facts: Facts;
  try {
    facts = await ports.act(action);
  } catch (error) {
    const known = asLockstepError(error);
    const isDone =
      known.class === 'unreachable' &&
      (await missingAtLast(journal, ports, step, {}, ANSWER_LOST_MS)).length === 0;
    if (!isDone) {
      await noteRefusal(journal, step, { error: known.toJSON() as ErrorBody as unknown as Json });
      throw atStep(step, known);
    }
    facts = { answerLost: true };
  }
  const ms = Math.round(ports.clock() - began);
  const missing = await missingAtLast(journal, ports, step, facts, SETTLING_MS);
  if (missing.length > 0) throw await refused(journal, step, missing);
  await journal.write('done', step.id, { ...facts, ms });
  ports.tell(`${step.id}: ${step.title} (${(ms / 1000).toFixed(1)} s)`);
}

/** Measures until the end of the step holds, and gives none then; or what is missing when it is not going to. */
async function missingAtLast(
  journal: Journal,
  ports: RunnerPorts,
  step: Step,
  facts: Facts,
  withinMs: number,
): Promise<string[]> {
  const stopping = new Conditions(journal.plan).nonePacified(step.leaves);
  const from = ports.clock();
  for (;;) {
    const seen = await lookAround(journal, ports);
    const told = Object.keys(facts).length === 0 ? seen.facts : { ...seen.facts, [step.id]: facts };
    const missing = step.after({ ...seen, facts: told });
    if (missing.length === 0) return [];
    const stopped = stopping(seen);
    if (stopped.length > 0 || ports.clock() - from > withinMs) return [...stopped, ...missing];
    await ports.pause();
  }
}

/** A journal that takes no more must not hide why. */
async function noteRefusal(journal: Journal, { id }: Step, facts: Facts): Promise<void> {
  await journal.write('refused', id, facts).catch(() => undefined);
}

/** What a unit refused, and at which step. */
function atStep({ id, title }: Step, { code, message, hint, facts }: LockstepError): LockstepError {
  return new LockstepError(code, `${title}: ${message}`, {
    hint: `${hint === undefined ? '' : `${hint} `}lockstep replace run goes on at ${id}.`,
    facts: { ...facts, step: id },
  });
}

async function refused(
  journal: Journal,
  step: Step,
  reasons: string[],
  missing: string[] = [],
): Promise<LockstepError> {
  await noteRefusal(journal, step, { reasons });
  const also = missing.filter(reason => !reasons.includes(reason));
  const sentence = [
    step.title,
    ...[reasons, also].filter(list => list.length > 0).map(list => list.join('; ')),
  ]
    .join(': ')
    .replace(/\.?$/, '.');
  return new LockstepError('replace-step', sentence, {
    hint: `Mend it, then type lockstep replace run again: it goes on here. To go back: ${step.back}.`,
    facts: { step: step.id, reasons, missing },
  });
}
