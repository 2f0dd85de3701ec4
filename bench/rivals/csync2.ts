import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { until } from '../../test/e2e/daemon.ts';
import { run, start, stop } from '../program.ts';
import type { Carrier, Place, Rival } from './rival.ts';

/** Its hosts are their addresses, so that nothing has to be resolved. */
const [ACTIVE, STANDBY] = ['127.0.0.1', '127.0.0.2'];
const NOTE =
  '`csync2 -x` to its own daemon (`csync2 -ii` on another loopback address), without TLS, which is faster than its TLS; its database is synced, ' +
  'the files are not';

export const csync2Tree: Rival = {
  name: 'csync2, one file a record',
  note: `${NOTE}. It finds the change itself.`,
  needs: ['csync2'],
  layout: 'records',
  largest: 10_000,
  start: place => csync2(place, false),
};

export const csync2Told: Rival = {
  name: 'csync2, told which file',
  note: `${NOTE}. \`-c FILE\` and \`-u\`: somebody else must know what changed.`,
  needs: ['csync2'],
  layout: 'records',
  told: true,
  largest: 10_000,
  mostFiles: 1,
  start: place => csync2(place, true),
};

async function csync2({ source, folder }: Place, told: boolean): Promise<Carrier> {
  const at = (name: string): string => path.join(folder, name);
  for (const name of ['standby', 'near', 'far', 'etc']) mkdirSync(at(name));
  writeFileSync(at('etc/key'), randomBytes(32).toString('hex'), { mode: 0o600 });
  writeFileSync(at('etc/csync2.cfg'), configuration(source, folder));
  const env = { CSYNC2_SYSTEM_DIR: at('etc') };
  const port = await freePort();
  const side = (host: string, database: string): string[] => [
    '-N',
    host,
    '-D',
    at(database),
    '-p',
    String(port),
  ];
  const daemon = start(['csync2', '-ii', ...side(STANDBY, 'far')], { env });
  await until('csync2 listens', () => isListening(port));
  const act = (...words: string[]): Promise<string> =>
    run(['csync2', ...side(ACTIVE, 'near'), ...words], { env });
  return {
    first: async () => {
      await act('-x');
    },
    carry: async files => {
      if (!told) await act('-x');
      else {
        await act('-c', ...files.map(file => path.join(source, file)));
        await act('-u');
      }
    },
    read: file => readFile(path.join(at('standby'), file)),
    end: () => stop(daemon),
  };
}

function configuration(source: string, folder: string): string {
  return `nossl * *;
group pair {
  host ${ACTIVE};
  host ${STANDBY};
  key ${path.join(folder, 'etc/key')};
  include %site%;
  auto first;
}
prefix site {
  on ${ACTIVE}: ${source};
  on ${STANDBY}: ${path.join(folder, 'standby')};
}
`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, STANDBY);
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

function isListening(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect(port, STANDBY);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
