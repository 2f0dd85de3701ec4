/** Heartbeats and status wait no longer than this for their turn, milliseconds. */
const MAX_RUN_MS = 20;

/**
 * Long work over many records lets go of the event loop now and then: `const rest = pauses()`, then `await rest()` in the
 * loop; where a step takes microseconds, only if there is something to await: that alone costs a tenth of such a step.
 * Awaiting what is there already does not let go: it only looks asynchronous.
 */
export function pauses(): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < MAX_RUN_MS) return undefined;
    return new Promise(resolve =>
      setImmediate(() => {
        since = performance.now();
        resolve();
      }),
    );
  };
}
