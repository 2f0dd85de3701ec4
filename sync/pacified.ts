import type { Timers } from '../host/timers.ts';
import type { Channel } from './channel.ts';
import { encodeMessage } from './message-format.ts';
import { greetingOf, type OwnFacts } from './state.ts';

/** Between two calls. */
const EVERY_MS = 30_000;

export interface PacifiedOptions {
  timers: Timers;
  dial(signal: AbortSignal): Promise<Channel>;
  own(): OwnFacts;
  clock(): { wall: number };
}

/**
 * A pacified unit takes part in nothing; its partner could not tell it from one that is off. So it calls now and then, says what it
 * is and hangs up: nothing is asked, and nothing that comes is looked at. Returns what ends it.
 */
export function tellPacified(options: PacifiedOptions): () => void {
  const { timers, dial } = options;
  const ended = new AbortController();
  let cancel = (): void => undefined;
  const call = async (): Promise<void> => {
    try {
      const channel = await dial(ended.signal);
      // Whoever takes part again by now must not be called pacified.
      if (!ended.signal.aborted) await channel.send(encodeMessage(lastWord(options)));
      channel.close('a pacified unit only says what it is');
    } catch {
      // A partner that is not there is told the next time.
    }
    if (!ended.signal.aborted) cancel = timers.after(EVERY_MS, () => void call());
  };
  void call();
  return () => {
    ended.abort();
    cancel();
  };
}

/**
 * For a partner of release 0.1.0, which passes over `pacified`, it is one that may be no source (`unconfirmed`): such a partner does
 * not stand down for it.
 */
function lastWord({ own, clock }: PacifiedOptions) {
  const { bothWays: _answersThere, ...facts } = own();
  const hello = { ...greetingOf(facts, clock().wall), pacified: true, unconfirmed: true };
  return { type: 'hello' as const, id: 1, ...hello };
}
