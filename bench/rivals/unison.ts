import { mkdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { STANDBY } from '../kept-open.ts';
import { run } from '../program.ts';
import type { Carrier, Place, Rival } from './rival.ts';

const NOTE = '`unison -batch -fastcheck true -prefer` this side; its archive is synced, the files are not';

export const unisonTree: Rival = {
  name: 'unison, one file a record',
  note: `${NOTE}. It finds the change itself.`,
  needs: ['unison'],
  layout: 'records',
  largest: 10_000,
  start: place => unison(place, false),
};

export const unisonTold: Rival = {
  name: 'unison, told which file',
  note: `${NOTE}. \`-path\`: somebody else must know what changed.`,
  needs: ['unison'],
  layout: 'records',
  told: true,
  largest: 10_000,
  mostFiles: 1,
  start: place => unison(place, true),
};

async function unison({ source, folder, connection }: Place, told: boolean): Promise<Carrier> {
  const [near, far, target] = ['near', 'far', 'standby'].map(name => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const made of [near, far, target]) mkdirSync(made);
  const command = [
    ...['unison', source, `ssh://${STANDBY}/${target}`, '-ui', 'text', '-batch', '-silent', '-log=false'],
    ...['-confirmbigdel=false', '-fastcheck', 'true', '-times', '-prefer', source],
    ...['-sshargs', connection.ssh.slice(1).join(' '), '-servercmd', `env UNISON=${far} unison`],
  ];
  const env = { UNISON: near };
  return {
    first: async () => {
      await run(command, { env });
    },
    carry: async files => {
      await run([...command, ...(told ? files.flatMap(file => ['-path', file]) : [])], { env });
    },
    read: file => readFile(path.join(target, file)),
  };
}
