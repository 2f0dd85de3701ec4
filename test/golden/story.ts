/** What happens to the pair whose folders become golden data. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Branch } from '../../api/contract/branches.ts';
import { generateKeyPair } from '../../sync/ssh/keys.ts';
import { issue, type Made } from '../certs/ca.ts';
import { type TestUnit, until, untilInStep } from '../e2e/daemon.ts';
import type { Answers, Expected, Golden, SetName, UnitName } from './golden.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/site/', import.meta.url));
const PASSPHRASE = 'correct horse battery staple';
const FOREVER = { from: new Date('2026-01-01'), to: new Date('2054-01-01') };

/** A kind of the site itself. */
const GADGET = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'urn:lockstep:kind:gadget',
  title: 'Gadget',
  description: 'Something that only this site has.',
  recordPath: 'gadgets/{id}',
  recordId: { pattern: '^[a-z]+$', description: 'A word.', examples: ['one'] },
  part: 'base',
  type: 'object',
  properties: {
    size: { description: 'Its size.', type: 'integer' },
    place: { description: 'Where it stands.', type: 'string', scope: 'unit' },
  },
  unevaluatedProperties: false,
};

interface Stage {
  folder: string;
  unit(dir: string, name: UnitName): TestUnit;
  /** Both daemons have ended. */
  keep(from: string, set: SetName): void;
  golden: Golden;
}

export async function makeSets({ folder, unit, keep, golden }: Stage): Promise<Omit<Expected, 'revision'>> {
  mkdirSync(folder, { recursive: true });
  const [ha1, ha2] = [unit(folder, 'ha1'), unit(folder, 'ha2')];
  const both = [ha1, ha2] as const;
  const sets = {} as Expected['sets'];
  const asked = async (set: SetName, ...words: string[][]): Promise<void> => {
    sets[set] = { ha1: await answers(ha1, words), ha2: await answers(ha2, words) };
  };
  const stopAndKeep = async (set: SetName): Promise<void> => {
    await Promise.all(both.map(each => each.stop()));
    keep(folder, set);
  };
  const operator = generateKeyPair('ada');

  try {
    await setUp(ha1, ha2);
    await fill(ha1, ha2, folder, operator.public);
    const bundles = await makeBundles(ha1, golden, folder);

    await divide(ha1, ha2, 'first');
    await asked('divided', ...EVERYTHING);
    await stopAndKeep('divided');

    await Promise.all(both.map(serve));
    await until('both are active', async () => (await ha2.status()).sync.state === 'both-active');
    await ha2.typed('takeover', '--force');
    const first = await branchOf(ha2, ha1);
    await ha2.typed('merge', first, '--theirs', 'hosts/both.example.com', '--reason', 'what lb1 had');
    await untilInStep(ha1, ha2);
    await divide(ha2, ha1, 'second');
    await ha1.typed('takeover', '--force');
    await branchOf(ha1, ha2);
    await settled(ha1, ha2);
    await asked('in-step', ...EVERYTHING, ...(await somethingOfThePast(ha1)));
    await stopAndKeep('in-step');

    await Promise.all(both.map(serve));
    await untilInStep(ha1, ha2);
    await ha1.typed('restore', path.join(folder, 'old.lockstep'), '--passphrase-file', word(folder), '--yes');
    await until(
      'lb2 knows',
      async () => (await ha2.status()).partner?.digest === (await ha1.status()).unit.digest,
    );
    await asked('restored', ...EVERYTHING);
    await stopAndKeep('restored');

    await Promise.all(both.map(serve));
    await ha1.typed('confirm-source', '--yes');
    await untilInStep(ha1, ha2);
    await ha1.typed('pause', '--reason', 'trying new rules');
    await ha1.typed('set', 'hosts/waits.example.com/address', '10.3.0.1');
    await asked('waiting', ...EVERYTHING);
    await ha1.typed('set', 'hosts/waits.example.com/address', '10.3.0.2', '--confirm', '1');
    await stopAndKeep('waiting');
    return { passphrase: PASSPHRASE, operatorKey: operator.private, sets, bundles };
  } finally {
    await Promise.all(both.map(each => each.kill()));
  }
}

const EVERYTHING = [
  ['show'],
  ['history', '--limit', '200'],
  ['branches'],
  ['operator', 'list'],
  ['certs', 'list'],
];

export function serve(unit: TestUnit): Promise<TestUnit> {
  return unit.start('--every-commit', '--scrub-hours', '0');
}

/** What a conversation is about. The doctor may find something: with exit code 1 it has done its work. */
export async function saidAgain(unit: TestUnit, words: string[]): Promise<void> {
  const { code, answer } = await unit.type(...words);
  const done = code === 0 || (code === 1 && words[0] === 'doctor');
  assert.ok(done, `${words.join(' ')}: ${JSON.stringify(answer)}`);
}

async function answers(unit: TestUnit, commands: string[][]): Promise<Answers> {
  const { digest, epoch, revision, role } = (await unit.status()).unit;
  const said: Answers = { unit: { digest, epoch, revision, role } };
  for (const words of commands) {
    const { code, answer } = await unit.json<unknown>(...words);
    assert.ok(code === 0 || code === 1, `${words.join(' ')}: ${JSON.stringify(answer)}`);
    said[words.join(' ')] = answer;
  }
  return said;
}

async function setUp(ha1: TestUnit, ha2: TestUnit): Promise<void> {
  const network = ['--shared', '10.20.0.139', '--virtual-id', '139'];
  const make = async (unit: TestUnit, mode: string, name: string, own: string, partner: string) => {
    await unit.typed(
      'init',
      '--mode',
      mode,
      '--name',
      name,
      '--address',
      `${own}/24`,
      '--partner',
      partner,
      ...network,
    );
    mkdirSync(path.join(unit.dir, 'schema.d'), { mode: 0o700 });
    writeFileSync(path.join(unit.dir, 'schema.d', 'gadget.schema.json'), JSON.stringify(GADGET));
    await serve(unit);
  };
  await make(ha1, 'first', 'lb1', '10.20.0.140', '10.20.0.141');
  await make(ha2, 'second', 'lb2', '10.20.0.141', '10.20.0.140');
  const { answer } = await ha1.json<{ code: string }>('pair', '--invite');
  await ha2.typed('pair', `${ha1.listen}:6973`, '--code', answer.code);
}

async function fill(ha1: TestUnit, ha2: TestUnit, folder: string, operatorKey: string): Promise<void> {
  const file = (name: string, content: string): string => {
    const place = path.join(folder, name);
    writeFileSync(place, content, { mode: 0o600 });
    return place;
  };
  for (const unit of [ha1, ha2]) await unit.typed('set', 'licence/esp', 'true');
  await ha1.typed('apply', '-f', path.join(EXAMPLE, 'site.json'), '--reason', 'the example site');
  await ha1.typed('import', 'loadmaster', path.join(EXAMPLE, 'getall.xml'), path.join(EXAMPLE, 'listvs.xml'));
  for (const unit of [ha1, ha2]) {
    const password = file('password', `password of bal on ${unit.listen}`);
    await unit.typed('set', 'users/bal/passwordHash', '--value-file', password);
    await unit.typed('set', 'time/ntpHosts', JSON.stringify([`ntp-${unit.listen.at(-1)}.example.com`]));
  }
  await ha1.typed('set', 'gadgets/one', '{"size": 7, "place": "rack 3"}');
  await untilInStep(ha1, ha2);
  await ha2.typed('set', 'gadgets/one/place', 'rack 4');
  for (const name of ['both', 'gone', 'kept'])
    await ha1.typed('set', `hosts/${name}.example.com/address`, '10.1.0.1', '--reason', `host ${name}`);
  await ha1.typed('unset', 'hosts/gone.example.com');
  await ha1.typed('set', 'hosts/kept.example.com/address', '10.1.0.2');
  const { revision } = (await ha1.status()).unit;
  await ha1.typed('set', 'hosts/kept.example.com/address', '10.1.0.3');
  await ha1.typed('rollback', String(revision));
  await ha1.typed('operator', 'add', 'ada', '--key', file('ada.pub', operatorKey), '--role', 'admin');
  const ci = file('ci.pub', generateKeyPair('ci').public);
  await ha1.typed('operator', 'add', 'ci', '--key', ci, '--role', 'read', '--this-unit');
  const root = issue({ commonName: 'Golden Root', ca: true, usage: [5], ...FOREVER });
  const leaf = (name: string): Made => issue({ commonName: name, names: [name], issuer: root, ...FOREVER });
  await ha1.typed('certs', 'add', 'root', file('root.pem', root.pem), '--intermediate');
  const [added, dropped] = [leaf('added.example'), leaf('dropped.example')];
  await ha1.typed('certs', 'add', 'added', file('added.pem', added.pem + root.pem + added.keyPem));
  writeFileSync(path.join(ha1.dir, 'certs.d', 'dropped.pem'), dropped.pem + root.pem + dropped.keyPem, {
    mode: 0o600,
  });
  await until(
    'the dropped certificate is there',
    async () => (await ha1.cli('certs', 'show', 'dropped')).code === 0,
  );
  writeFileSync(path.join(ha1.dir, 'config', 'hosts', 'file.example.com.json'), '{"address": "10.1.0.9"}\n');
  await until(
    'the saved file is there',
    async () => (await ha1.cli('show', 'hosts/file.example.com')).code === 0,
  );
  await ha1.typed('set', 'hosts/kept.example.com/address', '10.1.0.4', '--confirm', '5');
  await ha1.typed('confirm');
  await settled(ha1, ha2);
}

async function makeBundles(ha1: TestUnit, golden: Golden, folder: string): Promise<Expected['bundles']> {
  writeFileSync(word(folder), PASSPHRASE, { mode: 0o600 });
  const passphrase = ['--passphrase-file', word(folder)];
  await ha1.typed('backup', 'create', '-o', path.join(folder, 'old.lockstep'), ...passphrase);
  await ha1.typed('backup', 'create', '-o', golden.file('site.lockstep'), ...passphrase);
  await ha1.typed('certs', 'backup', '-o', golden.file('site.certs.lockstep'), ...passphrase);
  return {
    configuration: (await ha1.json('show')).answer,
    certificates: (await ha1.json('certs', 'list')).answer,
  };
}

function word(folder: string): string {
  return path.join(folder, 'passphrase');
}

/** Both become active, each with changes of its own, and `second` is the one that took over. Both run. */
async function divide(first: TestUnit, second: TestUnit, when: string): Promise<void> {
  await second.stop();
  await first.typed('set', 'hosts/both.example.com/address', `10.2.${when.length}.1`);
  await first.typed('set', `hosts/${when}-a.example.com/address`, '10.2.0.2');
  await first.stop();
  await serve(second);
  await second.typed('takeover');
  await second.typed('set', 'hosts/both.example.com/address', `10.2.${when.length}.9`);
  await second.typed('set', `hosts/${when}-b.example.com/address`, '10.2.0.3');
  await serve(first);
  await until('both are active', async () => (await second.status()).sync.state === 'both-active');
  await until('both say so', async () => (await first.status()).sync.state === 'both-active');
}

/** `loser` was made to stand down; resolves to the name of the branch, once it is on both. */
export async function branchOf(winner: TestUnit, loser: TestUnit): Promise<string> {
  await untilInStep(winner, loser);
  for (const unit of [winner, loser])
    await until('the branch is on both', async () => (await unit.status()).branches.length > 0);
  const { answer } = await winner.json<{ branches: (Branch & { merged?: unknown })[] }>('branches');
  return (
    answer.branches.find(({ merged }) => merged === undefined)?.name ?? assert.fail(JSON.stringify(answer))
  );
}

/** In step, and the standby has looked at everything: nothing is on its way. */
async function settled(ha1: TestUnit, ha2: TestUnit): Promise<void> {
  await untilInStep(ha1, ha2);
  for (const unit of [ha1, ha2])
    await until('the readiness is known', async () => (await unit.status()).takeover?.ready !== null);
}

/** Two differences between revisions that are worth being read again. */
async function somethingOfThePast(unit: TestUnit): Promise<string[][]> {
  const { revision } = (await unit.status()).unit;
  return [
    ['diff', '1', '3'],
    ['diff', String(revision - 6), String(revision)],
  ];
}
