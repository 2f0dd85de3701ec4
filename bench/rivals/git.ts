import path from 'node:path';
import { STANDBY } from '../kept-open.ts';
import { run } from '../program.ts';
import type { Carrier, Place, Rival } from './rival.ts';

const NOTE =
  '`git commit` of the named files and `git push` to a bare repository (nothing is checked out there): objects and references synced ' +
  'on both sides (`core.fsync`), `feature.manyFiles`, least compression, no garbage collection meanwhile';

export const gitDocument: Rival = {
  name: 'git commit + push, one document',
  note: `${NOTE}.`,
  needs: ['git'],
  layout: 'document',
  commits: true,
  largest: 100_000,
  start: repositories,
};

export const gitRecords: Rival = {
  name: 'git commit + push, one file a record',
  note: `${NOTE}.`,
  needs: ['git'],
  layout: 'records',
  commits: true,
  largest: 10_000,
  start: repositories,
};

const SETTINGS = {
  'user.name': 'bench',
  'user.email': 'bench@site.example',
  'core.fsync': 'committed,reference',
  'core.compression': '1',
  'core.autocrlf': 'false',
  'feature.manyFiles': 'true',
  'gc.auto': '0',
  'maintenance.auto': 'false',
  'receive.autoGC': 'false',
};

async function repositories({ source, folder, connection }: Place): Promise<Carrier> {
  const [near, far] = [path.join(folder, 'near.git'), path.join(folder, 'far.git')];
  const env = {
    GIT_SSH_COMMAND: connection.ssh.join(' '),
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_NOSYSTEM: '1',
  };
  const git = ['git', `--git-dir=${near}`, `--work-tree=${source}`];
  const act = (...args: string[]): Promise<string> => run([...git, ...args], { env, cwd: source });
  for (const repository of [near, far]) {
    await run(['git', 'init', '--quiet', '--bare', '--initial-branch=main', repository], { env });
    for (const [name, value] of Object.entries(SETTINGS))
      await run(['git', 'config', '--file', path.join(repository, 'config'), name, value]);
  }
  const push = (): Promise<string> => act('push', '--quiet', `${STANDBY}:${far}`, 'main');
  return {
    first: async () => {
      await act('add', '--all');
      await act('commit', '--quiet', '--message', 'all');
      await push();
    },
    carry: async files => {
      const options = ['--quiet', '--no-status', '--message', 'change', '--pathspec-from-file=-'];
      await run([...git, 'commit', ...options], {
        env,
        cwd: source,
        input: files.join('\n'),
      });
      await push();
    },
    read: async file => Buffer.from(await run(['git', `--git-dir=${far}`, 'show', `main:${file}`])),
  };
}
