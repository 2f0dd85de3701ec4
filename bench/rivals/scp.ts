import { cpSync, mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { STANDBY } from '../kept-open.ts';
import { run } from '../program.ts';
import type { Carrier, Place, Rival } from './rival.ts';

const NOT_DURABLE = 'Nothing is durable when it answers, and a reader may see half a file';

export const scpDocument: Rival = {
  name: 'scp, one document',
  note: `\`scp -p\`, the whole document each time. ${NOT_DURABLE}.`,
  needs: ['scp'],
  layout: 'document',
  largest: 100_000,
  start: scp,
};

export const scpTold: Rival = {
  name: 'scp, told which file',
  note: `\`scp -p\` of the one file that changed. ${NOT_DURABLE}.`,
  needs: ['scp'],
  layout: 'records',
  told: true,
  largest: 10_000,
  mostFiles: 1,
  start: scp,
};

async function scp({ source, folder, connection, copied }: Place): Promise<Carrier> {
  const target = path.join(folder, 'standby');
  mkdirSync(target);
  const command = ['scp', '-pq', '-F', connection.config];
  return {
    first: async () => {
      if (copied) cpSync(source, target, { recursive: true, preserveTimestamps: true });
      else await run([...command, '-r', `${source}/.`, `${STANDBY}:${target}/`]);
    },
    carry: async files => {
      for (const file of files)
        await run([...command, path.join(source, file), `${STANDBY}:${target}/${file}`]);
    },
    read: file => readFile(path.join(target, file)),
  };
}
