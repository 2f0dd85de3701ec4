import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { ROOMS } from './rooms.ts';

/** docs/DESIGN.md, Layers: a room may know those before it, and the faces know the unit only. */
const MAY_KNOW: Record<string, string[]> = {
  host: [],
  schema: [],
  loadmaster: ['schema'],
  store: ['host', 'schema'],
  sync: ['host', 'schema', 'store'],
  backup: ['host', 'schema', 'store'],
  certs: ['host', 'schema'],
  audit: ['schema', 'store'],
  'api/contract': ['schema'],
  unit: ['api/contract', 'host', 'schema', 'loadmaster', 'store', 'sync', 'backup', 'certs', 'audit'],
  api: ['api/contract', 'host', 'schema'],
  replace: ['host', 'schema', 'api', 'api/contract'],
  cli: ['host', 'schema', 'unit', 'api', 'api/contract', 'replace'],
};
/** Commands that need no running unit call the one room that they are about; a unit elsewhere is reached by its SSH. */
const MAY_KNOW_TOO: Record<string, string> = {
  'cli/bundle/': 'backup',
  'cli/commands/backup/': 'backup',
  'cli/commands/explain.ts': 'audit',
  'cli/commands/import/': 'loadmaster',
  'cli/remote/': 'sync',
};

/** Where each foreign library enters. A second importer would spread it; add the library here when it is new. */
const ENTRANCE: Record<string, string> = {
  '@inquirer/prompts': 'cli/prompt.ts',
  ajv: 'schema/validate.ts',
  'ajv-formats': 'schema/validate.ts',
  chokidar: 'host/folder-watch.ts',
  'fast-xml-parser': 'loadmaster/capture.ts',
  '@fastify/ajv-compiler': 'api/validators.ts',
  fastify: 'api/server.ts',
  'json-diff': 'cli/record-diff.ts',
  'jsonc-parser': 'schema/json.ts',
  lmdb: 'store/lmdb/lmdb.ts',
  'node-forge': 'certs/rc2.ts',
  nodemailer: 'unit/audits/mail.ts',
  openpgp: 'backup/openpgp.ts',
  pino: 'unit/log/log.ts',
  'prom-client': 'unit/metrics.ts',
  ssh2: 'sync/ssh/ssh2.ts',
  'tar-stream': 'backup/tar.ts',
  yaml: 'cli/yaml.ts',
};
/** The words of the command line are commander's, so every command speaks them. */
const SPREAD: Record<string, RegExp> = { commander: /^cli\// };

interface Import {
  file: string;
  from: string;
}

const IMPORT =
  /^(?:import|export)\b[^'"`;]*?\bfrom\s*'([^'\n]+)'|^import\s*'([^'\n]+)'|\b(?:import|require)\(\s*'([^'\n]+)'/gm;

function imports(): Import[] {
  const files = ROOMS.flatMap(room =>
    readdirSync(room, { recursive: true, encoding: 'utf8' })
      .filter(name => name.endsWith('.ts'))
      .map(name => join(room, name)),
  );
  return files.flatMap(file =>
    [...readFileSync(file, 'utf8').matchAll(IMPORT)].map(match => ({
      file,
      from: match[1] ?? match[2] ?? match[3] ?? '',
    })),
  );
}

/** What crosses the API is a room of its own, below the unit and above the rules. */
function roomOf(file: string): string {
  return file.startsWith('api/contract/') ? 'api/contract' : (file.split('/')[0] as string);
}

/** `@scope/name` or `name`, without the path inside the package; undefined for our own files and those of Node. */
function packageOf(from: string): string | undefined {
  if (from.startsWith('.') || from.startsWith('node:')) return undefined;
  assert.ok(!builtinModules.includes(from), `${from} is written node:${from}`);
  return from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/');
}

describe('the layers', () => {
  const all = imports();
  const importers = new Map<string, Set<string>>();
  for (const { file, from } of all) {
    const name = packageOf(from);
    if (name !== undefined) importers.set(name, (importers.get(name) ?? new Set()).add(file));
  }

  it('let each foreign library in through one file', () => {
    const found = [...importers]
      .filter(([name]) => !(name in SPREAD))
      .map(([name, files]) => [name, [...files].sort().join(', ')]);
    assert.deepEqual(Object.fromEntries(found.sort()), Object.fromEntries(Object.entries(ENTRANCE).sort()));
  });

  it('keep the words of the command line in its room', () => {
    for (const [name, where] of Object.entries(SPREAD))
      for (const file of importers.get(name) ?? []) assert.match(file, where, name);
  });

  it('need every dependency that is installed, and install every one that they need', () => {
    const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
      dependencies: Record<string, string>;
    };
    assert.deepEqual([...importers.keys()].sort(), Object.keys(dependencies).sort());
  });

  it('take what the build keeps of a library of the older module system that is loaded late', () => {
    const late = /const (\{[^}]*\}|\w+) = await import\('([^'.][^']*)'\)/g;
    for (const file of new Set(all.map(each => each.file)))
      for (const [, names = '', from = ''] of readFileSync(file, 'utf8').matchAll(late)) {
        if (packageOf(from) === undefined) continue;
        const manifest = JSON.parse(readFileSync(join('node_modules', from, 'package.json'), 'utf8'));
        if (manifest.type !== 'module') assert.match(names, /^\{ default: /, `${file}: ${from}`);
      }
  });

  it('point one way', () => {
    for (const { file, from } of all.filter(each => each.from.startsWith('.'))) {
      const [room, target] = [roomOf(file), roomOf(join(file, '..', from))];
      const besides = Object.entries(MAY_KNOW_TOO).find(([folder]) => file.startsWith(folder))?.[1];
      if (target !== room && target !== besides)
        assert.ok(MAY_KNOW[room]?.includes(target), `${file} may not know ${target}/`);
    }
  });
});
