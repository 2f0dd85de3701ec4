import { temporaryFolder } from '../test/e2e/daemon.ts';

/** A folder for what is measured: gone when `remove` was called, or when the bench ends, however that comes. */
export function scratchFolder(): { folder: string; remove(): void } {
  const { folder, remove } = temporaryFolder();
  process.once('exit', remove);
  return {
    folder,
    remove: () => {
      process.off('exit', remove);
      remove();
    },
  };
}
