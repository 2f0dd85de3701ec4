import { cpSync, mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { STANDBY } from '../kept-open.ts';
import { run } from '../program.ts';
import type { Carrier, Place, Rival } from './rival.ts';

const DURABLE = '`--fsync` makes the files durable there, not the folder';

export const rsyncTree: Rival = {
  name: 'rsync, one file a record',
  note: `\`rsync -a --delete --fsync\`: it finds the change itself. ${DURABLE}.`,
  needs: ['rsync'],
  layout: 'records',
  largest: 10_000,
  start: place => rsync(place, ['--archive', '--delete']),
};

export const rsyncTold: Rival = {
  name: 'rsync, told which file',
  note: `\`rsync --files-from=- --fsync\`: somebody else must know what changed, and a deletion is not seen. ${DURABLE}.`,
  needs: ['rsync'],
  layout: 'records',
  told: true,
  largest: 10_000,
  start: place => rsync(place, ['--times', '--files-from=-']),
};

export const rsyncDocument: Rival = {
  name: 'rsync, one document',
  note: `\`rsync -a --fsync\`, the least bytes: only blocks that differ cross. ${DURABLE}.`,
  needs: ['rsync'],
  layout: 'document',
  largest: 100_000,
  start: place => rsync(place, ['--archive']),
};

export const rsyncWhole: Rival = {
  name: 'rsync, one document, whole',
  note: `\`rsync -a --whole-file --fsync\`, less work on a line as fast as loopback. ${DURABLE}.`,
  needs: ['rsync'],
  layout: 'document',
  largest: 100_000,
  start: place => rsync(place, ['--archive', '--whole-file']),
};

async function rsync({ source, folder, connection, copied }: Place, options: string[]): Promise<Carrier> {
  const target = path.join(folder, 'standby');
  mkdirSync(target);
  const fsync = (await run(['rsync', '--help'])).includes('--fsync') ? ['--fsync'] : [];
  const told = options.includes('--files-from=-');
  // A change within the same second with the same length counts too.
  const command = (how: string[]): string[] => [
    ...['rsync', ...how, ...fsync, '--modify-window=-1', '--rsh', connection.ssh.join(' ')],
    ...[`${source}/`, `${STANDBY}:${target}/`],
  ];
  return {
    first: async () => {
      if (copied) cpSync(source, target, { recursive: true, preserveTimestamps: true });
      else await run(command(options));
    },
    carry: async files => {
      await run(command(options), told ? { input: files.join('\n') } : {});
    },
    read: file => readFile(path.join(target, file)),
  };
}
