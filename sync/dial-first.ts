import type { Timers } from '../host/timers.ts';
import { asLockstepError, LockstepError } from '../schema/error.ts';
import type { Channel } from './channel.ts';

/** A place that does not answer holds up the next one no longer than this. */
const STAGGER_MS = 250;

export interface FirstOptions<Place> {
  places: readonly Place[];
  dial(place: Place, signal: AbortSignal): Promise<Channel>;
  /** For the message about all of them. */
  because(place: Place): string;
  timers: Timers;
  signal: AbortSignal;
}

/**
 * Dials one place after the other, the next one as soon as the last failed or takes its time; the first that answers wins.
 * The keys decide who is there, so a place that is somebody else's by now does no harm. Rejects with what the first place
 * failed with, and names the others.
 */
export function dialFirst<Place>(options: FirstOptions<Place>): Promise<{ channel: Channel; place: Place }> {
  const { places, timers, signal } = options;
  const errors: (LockstepError | undefined)[] = places.map(() => undefined);
  const done = new AbortController();
  const either = AbortSignal.any([signal, done.signal]);
  return new Promise((resolve, reject) => {
    let next = 0;
    let failed = 0;
    let cancel = (): void => undefined;
    const more = (): void => {
      cancel();
      const place = places[next];
      if (place === undefined || done.signal.aborted) return;
      const index = next++;
      cancel = timers.after(STAGGER_MS, more);
      options.dial(place, either).then(
        channel => {
          if (done.signal.aborted) return channel.close('it is not needed any more');
          done.abort();
          cancel();
          resolve({ channel, place });
        },
        (error: unknown) => {
          if (done.signal.aborted) return;
          errors[index] = asLockstepError(error);
          if (++failed === places.length) reject(ofAll(options, errors as LockstepError[]));
          else more();
        },
      );
    };
    more();
  });
}

function ofAll<Place>({ places, because }: FirstOptions<Place>, errors: LockstepError[]): LockstepError {
  const [main, ...rest] = errors as [LockstepError, ...LockstepError[]];
  if (rest.length === 0) return main;
  const [own, ...others] = places.map((place, index) =>
    index === 0 ? because(place) : `${because(place)}: ${errors[index]?.message.replace(/\.$/, '')}`,
  );
  return new LockstepError(main.code, `${main.message.replace(/\.$/, '')} (${own}); ${others.join('; ')}.`, {
    ...(main.hint === undefined ? {} : { hint: main.hint }),
    facts: main.facts,
  });
}
