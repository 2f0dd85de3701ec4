import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Moment } from '../../../host/deadline.ts';
import type { JsonObject } from '../../../schema/json.ts';
import { openLmdb } from '../../../store/lmdb/lmdb.ts';
import { Mirror } from '../../../store/mirror/mirror.ts';
import { MirrorWriter, type WriterOptions } from '../../../store/mirror/writer.ts';
import type { Revision } from '../../../store/revision.ts';
import { Store } from '../../../store/store.ts';
import type { Change } from '../../../store/transition.ts';
import { sampleCatalog } from '../sample-kinds.ts';

const catalog = sampleCatalog();
const silent = { info: () => undefined, warn: () => undefined };

describe('mirror: the configuration as files', () => {
  let dir: string;
  let store: Store;
  let mirror: Mirror;
  let running = false;
  /** Of the machine: another boot stands for a power cut. */
  let clock: Moment = { bootId: 'boot-1', wall: 0, uptime: 0 };

  const at = (file: string): string => join(dir, 'config', file);
  const json = (file: string): JsonObject => JSON.parse(readFileSync(at(file), 'utf8'));
  const save = (file: string, value: unknown): void =>
    writeFileSync(at(file), typeof value === 'string' ? value : JSON.stringify(value));
  const put = (path: string, value: JsonObject): Change => ({ op: 'put', path, value });
  const commit = (...changes: Change[]) =>
    store.commit({ changes, kind: 'change', author: 'test', reason: 'test' });

  async function open(): Promise<void> {
    store = await Store.open({
      port: openLmdb(join(dir, 'store')),
      catalog,
      rules: [],
      now: () => new Date(),
    });
  }
  async function start(reconcileMs = 3_600_000, flushMs = 3_600_000): Promise<void> {
    mirror = await Mirror.start({
      store,
      catalog,
      folder: join(dir, 'config'),
      log: silent,
      clock: () => clock,
      debounceMs: 120,
      reconcileMs,
      flushMs,
    });
    running = true;
    await mirror.settled();
  }
  async function stop(): Promise<void> {
    if (running) await mirror.stop();
    running = false;
  }
  /** As after kill -9: what the mirror has not done yet is never done. */
  async function crash(): Promise<void> {
    const { folders, burst } = mirror as unknown as {
      folders: { close(): Promise<void> };
      burst: { end(): void };
    };
    await folders.close();
    burst.end();
    running = false;
    await store.close();
    await open();
  }
  async function newest(): Promise<Revision> {
    for await (const revision of store.history()) return revision;
    throw new Error('no revision');
  }
  const codes = (): Record<string, string> =>
    Object.fromEntries(mirror.troubles().map(({ file, code }) => [file, code]));

  beforeEach(async () => {
    clock = { bootId: 'boot-1', wall: Date.now(), uptime: 0 };
    dir = mkdtempSync(join(tmpdir(), 'lockstep-mirror-'));
    await open();
    await store.setRole('active', 1);
    await start();
  });
  afterEach(async () => {
    await stop();
    await store.close();
    rmSync(dir, { recursive: true, force: true });
  });

  describe('store to files', () => {
    it('a commit becomes one file a top-level object, with what is nested in it', async () => {
      await commit(
        put('things/tcp:1', { label: 'x' }),
        put('things/tcp:1/parts/p', { weight: 1 }),
        put('things/tcp:1/parts/p/bits/b', { on: true }),
        put('depot/boxes/b', {}),
      );
      await mirror.settled();
      assert.deepEqual(json('things/tcp%3A1.json'), {
        label: 'x',
        parts: { p: { weight: 1, bits: { b: { on: true } } } },
      });
      assert.deepEqual(json('depot/boxes/b.json'), {});
      assert.match(readFileSync(at('things/tcp%3A1.json'), 'utf8'), /^\{\n {2}"label": "x",\n[\s\S]*\}\n$/);
    });

    it('files are 0600, folders 0700, and nothing is left of writing', async () => {
      await commit(put('things/a', {}));
      await mirror.settled();
      assert.equal(statSync(at('things/a.json')).mode & 0o777, 0o600);
      assert.equal(statSync(at('things')).mode & 0o777, 0o700);
      assert.deepEqual(readdirSync(at('things')), ['a.json']);
    });

    it('secrets are masked, of both scopes', async () => {
      await commit(
        put('knob', { key: 'geheim-1', pin: 'geheim-2', place: 'left' }),
        put('people/root', { password: 'geheim-3' }),
      );
      await mirror.settled();
      assert.deepEqual(json('knob.json'), { key: '********', pin: '********', place: 'left' });
      assert.deepEqual(json('people/root.json'), { password: '********' });
    });

    it('an object that is removed takes its file along', async () => {
      await commit(put('things/a', {}));
      await mirror.settled();
      await commit({ op: 'remove', path: 'things/a' });
      await mirror.settled();
      assert.equal(existsSync(at('things/a.json')), false);
    });

    it("the mirror's own writes are no edits", async () => {
      for (let size = 0; size < 20; size++) await commit(put('things/a', { size }));
      await mirror.settled();
      await sleep(300);
      await mirror.settled();
      assert.equal(store.head.revision, 20);
      assert.deepEqual(json('things/a.json'), { size: 19 });
    });
  });

  describe('files to store', () => {
    it('a burst of saves and deletions is one commit that names the files', async () => {
      await commit(put('things/old', {}));
      await mirror.settled();
      const before = store.head.revision;
      for (let index = 0; index < 50; index++) save(`things/t${index}.json`, { size: index });
      rmSync(at('things/old.json'));
      await mirror.settled();
      assert.equal(store.head.revision, before + 1);
      const revision = await newest();
      assert.deepEqual([revision.kind, revision.author, revision.records], ['file', 'file', 51]);
      assert.match(revision.reason, /^deleted things\/old\.json, saved things\/t0\.json, .* and 41 more$/);
      assert.deepEqual(await store.read('things/t49'), { size: 49 });
      assert.equal(await store.read('things/old'), undefined);
    });

    it('saving by rename, as editors do, is one commit', async () => {
      await commit(put('things/a', { size: 1 }));
      await mirror.settled();
      renameSync(at('things/a.json'), at('things/a.json~'));
      writeFileSync(at('things/.a.swp'), 'x');
      writeFileSync(at('things/4913'), '');
      rmSync(at('things/4913'));
      save('things/a.json', { size: 2 });
      await mirror.settled();
      assert.deepEqual(await store.read('things/a'), { size: 2 });
      assert.equal(store.head.revision, 2);
      assert.deepEqual(mirror.troubles(), []);
    });

    it('records below the object that vanished from the file are removed', async () => {
      await commit(
        put('things/a', { size: 1 }),
        put('things/a/parts/p', {}),
        put('things/a/parts/p/bits/b', {}),
        put('things/a/parts/q', {}),
      );
      await mirror.settled();
      save('things/a.json', { size: 1, parts: { q: { weight: 7 } } });
      await mirror.settled();
      const paths: string[] = [];
      for await (const { path } of store.list('things/a')) paths.push(path);
      assert.deepEqual(paths, ['things/a', 'things/a/parts/q']);
    });

    it('a secret that comes back as a mask is unchanged, a new one is taken and masked', async () => {
      await commit(put('knob', { key: 'one', pin: 'two', level: 1 }));
      await mirror.settled();
      save('knob.json', { key: '********', pin: 'three', level: 2 });
      await mirror.settled();
      assert.deepEqual(await store.read('knob'), { key: 'one', pin: 'three', level: 2 });
      assert.equal(readFileSync(at('knob.json'), 'utf8').includes('three'), false);
    });

    it('fields of this unit alone can be removed in the file', async () => {
      await commit(put('knob', { level: 1, place: 'left' }));
      await mirror.settled();
      save('knob.json', { level: 1 });
      await mirror.settled();
      assert.deepEqual(await store.read('knob'), { level: 1 });
    });

    it('a file that only looks different is no revision, and is written in order again', async () => {
      await commit(put('things/a', { size: 1, label: 'x' }));
      await mirror.settled();
      save('things/a.json', '{"size":1,\n\n"label":"x"}');
      await mirror.settled();
      assert.equal(store.head.revision, 1);
      assert.equal(readFileSync(at('things/a.json'), 'utf8'), '{\n  "label": "x",\n  "size": 1\n}\n');
    });

    it("notes, folders of git and temporary files are nobody's business", async () => {
      mkdirSync(at('.git'));
      for (const file of ['notes.txt', '.git/x.json', '.hidden.json', 'things/a.json.tmp', 'things/#a.json#'])
        writeFileSync(at(file), 'x');
      await mirror.settled();
      assert.deepEqual(mirror.troubles(), []);
      assert.equal(store.head.revision, 0);
    });
  });

  describe('what cannot be committed is reported and left alone', () => {
    it('an invalid file does not hold back the good ones', async () => {
      save('things/a.json', { size: 1 });
      save('things/b.json', { size: 1000 });
      save('things/c.json', '{"size": 1');
      save('things/d.json', { friend: 'e' });
      save('things/e.json', { size: 2 });
      save('things/f.json', { friend: 'b' });
      await mirror.settled();
      assert.deepEqual(codes(), {
        'things/b.json': 'invalid-value',
        'things/c.json': 'bad-json',
        'things/f.json': 'dangling-reference',
      });
      assert.deepEqual(await store.read('things/d'), { friend: 'e' });
      assert.equal(store.head.revision, 1);
      assert.equal(readFileSync(at('things/c.json'), 'utf8'), '{"size": 1');
      const trouble = mirror.troubles()[0];
      assert.equal(trouble?.path, 'things/b/size');
      assert.match(trouble?.reason ?? '', /100/);
    });

    it('a file in a folder that nobody knows is named, and not any more once it is gone', async () => {
      mkdirSync(at('thigns'));
      save('thigns/a.json', { size: 1 });
      mkdirSync(at('other'));
      save('other/b.json', { size: 1 });
      await stop();
      await start();
      assert.deepEqual(codes(), { 'thigns/a.json': 'unknown-path', 'other/b.json': 'unknown-path' });
      rmSync(at('thigns'), { recursive: true });
      rmSync(at('other/b.json'));
      assert.deepEqual(codes(), {});
    });

    it('a trouble ends when the file becomes valid', async () => {
      save('things/a.json', { size: 'x' });
      await mirror.settled();
      assert.deepEqual(codes(), { 'things/a.json': 'invalid-value' });
      save('things/a.json', { size: 3 });
      await mirror.settled();
      assert.deepEqual(codes(), {});
      assert.deepEqual(await store.read('things/a'), { size: 3 });
    });

    it('a trouble ends when the file says what the store says again', async () => {
      await commit(put('things/a', { size: 1 }));
      await mirror.settled();
      const good = readFileSync(at('things/a.json'), 'utf8');
      save('things/a.json', 'nonsense');
      await mirror.settled();
      assert.deepEqual(codes(), { 'things/a.json': 'bad-json' });
      save('things/a.json', good);
      await mirror.settled();
      assert.deepEqual(codes(), {});
    });

    it('an uncommitted edit is not overwritten when the store moves on, and says so', async () => {
      await commit(put('things/a', { size: 1 }));
      await mirror.settled();
      save('things/a.json', { size: 'x' });
      await mirror.settled();
      await commit(put('things/a', { size: 2 }));
      await mirror.settled();
      assert.deepEqual(json('things/a.json'), { size: 'x' });
      save('things/a.json', { size: 3 });
      await mirror.settled();
      assert.deepEqual(codes(), { 'things/a.json': 'conflict' });
      assert.deepEqual(await store.read('things/a'), { size: 2 });
      save('things/a.json', { size: 2 });
      await mirror.settled();
      assert.deepEqual(codes(), {});
    });

    it('the reason of a broken file tells that its object was changed meanwhile', async () => {
      await commit(put('things/a', { size: 1 }));
      await mirror.settled();
      save('things/a.json', '{');
      await mirror.settled();
      await commit(put('things/a', { size: 2 }));
      await mirror.settled();
      assert.match(mirror.troubles()[0]?.reason ?? '', /changed in the store meanwhile/);
    });

    it('an edit of older text does not undo a newer commit', async () => {
      await commit(put('things/a', { size: 1 }));
      await mirror.settled();
      const committed = commit(put('things/a', { size: 2 }));
      save('things/a.json', { size: 1, label: 'edited' }); // in the same moment: the file still holds the old text
      await committed;
      await mirror.settled();
      assert.deepEqual(codes(), { 'things/a.json': 'conflict' });
      assert.deepEqual(await store.read('things/a'), { size: 2 });
      assert.deepEqual(json('things/a.json'), { size: 1, label: 'edited' });
      await mirror.restore('things/a.json');
      assert.deepEqual(json('things/a.json'), { size: 2 });
      assert.deepEqual(codes(), {});
    });

    it('restore removes a file whose object does not exist, and refuses what is no file of the mirror', async () => {
      save('things/new.json', '[]');
      save('nothing.json', '{}');
      await mirror.settled();
      assert.deepEqual(codes(), { 'nothing.json': 'unknown-path', 'things/new.json': 'invalid-value' });
      await mirror.restore('things/new.json');
      await mirror.restore('nothing.json');
      assert.equal(existsSync(at('things/new.json')) || existsSync(at('nothing.json')), false);
      await assert.rejects(mirror.restore('../store/data.mdb'), { code: 'unknown-path' });
      await mirror.settled();
      assert.deepEqual(codes(), {});
    });

    it('the standby reports an edit of shared configuration, and commits one of its own', async () => {
      await commit(put('things/a', { size: 1 }), put('knob', { level: 1, place: 'left' }));
      await mirror.settled();
      await store.setRole('standby', 1);
      save('things/a.json', { size: 2 });
      save('knob.json', { level: 1, place: 'right' });
      save('clock.json', { zone: 'UTC' });
      await mirror.settled();
      assert.deepEqual(codes(), { 'things/a.json': 'not-active' });
      assert.deepEqual(await store.read('knob'), { level: 1, place: 'right' });
      assert.deepEqual(await store.read('clock'), { zone: 'UTC' });
      rmSync(at('things/a.json'));
      await mirror.settled();
      assert.deepEqual(codes(), { 'things/a.json': 'not-active' });
      assert.deepEqual(await store.read('things/a'), { size: 1 });
    });

    it('names that belong to no object are reported', async () => {
      mkdirSync(at('thingz'));
      for (const file of [
        'other.json',
        'things/a:b.json',
        'things/%zz.json',
        'things/a%2Fb.json',
        'things/x%2F..%2Fy.json',
        'things/constructor.json',
        'thingz/a.json',
        'depot.json',
      ])
        save(file, '{}');
      await mirror.settled();
      assert.deepEqual(codes(), {
        'other.json': 'unknown-path',
        'things/a:b.json': 'bad-id',
        'things/%zz.json': 'bad-id',
        'things/a%2Fb.json': 'bad-id',
        'things/x%2F..%2Fy.json': 'bad-id',
        'things/constructor.json': 'bad-id',
        'thingz/a.json': 'unknown-path',
        'depot.json': 'unknown-path',
      });
      assert.equal(store.head.revision, 0);
    });

    it('bad JSON of every sort is refused', async () => {
      const bad = {
        twice: ['{"size":1,"size":2}', 'duplicate-key'],
        proto: ['{"__proto__":{"size":1}}', 'reserved-key'],
        big: ['{"size":1e400}', 'number-out-of-range'],
        long: ['{"size":9007199254740993}', 'number-out-of-range'],
        deep: [`{"label":${'['.repeat(5000)}${']'.repeat(5000)}}`, 'nested-too-deep'],
        empty: ['', 'bad-json'],
        list: ['[]', 'invalid-value'],
      } as const;
      for (const [name, [text]] of Object.entries(bad)) save(`things/${name}.json`, text);
      writeFileSync(at('things/latin.json'), Buffer.from('{"label":"\xe4"}', 'latin1'));
      await mirror.settled();
      const expected = Object.entries(bad).map(([name, [, code]]) => [`things/${name}.json`, code] as const);
      assert.deepEqual(codes(), { ...Object.fromEntries(expected), 'things/latin.json': 'bad-json' });
    });

    it('links, folders in place of files, and files of any size are reported, never followed or read', async () => {
      writeFileSync(join(dir, 'secret.json'), '{"label":"outside"}');
      symlinkSync(join(dir, 'secret.json'), at('things/link.json'));
      mkdirSync(at('things/folder.json'));
      save('things/huge.json', '');
      truncateSync(at('things/huge.json'), 100 * 1024 * 1024);
      await mirror.settled();
      assert.deepEqual(codes(), {
        'things/folder.json': 'not-a-file',
        'things/huge.json': 'too-large',
        'things/link.json': 'not-a-file',
      });
      await mirror.restore('things/link.json');
      assert.equal(existsSync(join(dir, 'secret.json')), true);
      assert.equal(existsSync(at('things/link.json')), false);
    });

    it('a link in place of a folder is never written through', async () => {
      await commit(put('things/a', {}));
      await mirror.settled();
      mkdirSync(join(dir, 'outside'));
      rmSync(at('things'), { recursive: true });
      symlinkSync(join(dir, 'outside'), at('things'));
      await mirror.settled();
      await commit(put('things/a', { size: 1 }), put('things/b', {}));
      await mirror.settled();
      assert.deepEqual(readdirSync(join(dir, 'outside')), []);
      assert.equal(codes().things, 'not-a-file');
      assert.deepEqual(await store.read('things/a'), { size: 1 });
      rmSync(at('things'));
      await mirror.settled();
      assert.deepEqual(json('things/a.json'), { size: 1 });
      assert.deepEqual(readdirSync(at('things')), ['a.json', 'b.json']);
      assert.deepEqual(codes(), {});
    });

    it('a folder that cannot be written is reported, and written once it can be', async () => {
      await commit(put('things/a', {}));
      await mirror.settled();
      mkdirSync(at('things/b.json'));
      await commit(put('things/b', {}));
      await mirror.settled();
      assert.deepEqual(codes(), { 'things/b.json': 'not-a-file' });
      rmSync(at('things/b.json'), { recursive: true });
      await mirror.settled();
      assert.deepEqual(json('things/b.json'), {});
    });
  });

  describe('nothing empties a pair', () => {
    beforeEach(async () => {
      await commit(
        put('knob', { level: 1 }),
        put('things/a', { size: 1 }),
        put('things/b', { size: 2 }),
        put('depot/boxes/c', {}),
      );
      await mirror.settled();
    });
    const all = () =>
      ['knob.json', 'things/a.json', 'things/b.json', 'depot/boxes/c.json'].every(file =>
        existsSync(at(file)),
      );

    it('rm -rf of a collection removes nothing, and it is written again', async () => {
      rmSync(at('things'), { recursive: true });
      await mirror.settled();
      assert.equal(store.head.revision, 1);
      assert.equal(all(), true);
    });

    it('rm -rf of everything removes nothing, twice', async () => {
      for (let time = 0; time < 2; time++) {
        rmSync(at(''), { recursive: true });
        await mirror.settled();
        assert.equal(store.head.revision, 1);
        assert.equal(all(), true);
      }
      save('things/a.json', { size: 9 }); // and it is watched again
      await mirror.settled();
      assert.deepEqual(await store.read('things/a'), { size: 9 });
    });

    it('rm -rf config/* removes nothing', async () => {
      for (const entry of readdirSync(at(''))) rmSync(at(entry), { recursive: true });
      await mirror.settled();
      assert.equal(store.head.revision, 1);
      assert.equal(all(), true);
    });

    it('a folder put in place of another is taken for its edits, not for what it lacks', async () => {
      mkdirSync(join(dir, 'things'));
      writeFileSync(join(dir, 'things', 'a.json'), '{"size":5}');
      renameSync(at('things'), join(dir, 'away'));
      renameSync(join(dir, 'things'), at('things'));
      await mirror.settled();
      assert.deepEqual(await store.read('things/a'), { size: 5 });
      assert.deepEqual(json('things/b.json'), { size: 2 });
    });

    it('a deletion while no mirror runs is not trusted', async () => {
      await stop();
      rmSync(at('things/a.json'));
      await start();
      assert.equal(store.head.revision, 1);
      assert.equal(all(), true);
    });
  });

  describe('start and crash', () => {
    beforeEach(async () => {
      await commit(put('things/a', { size: 1 }), put('things/b', { size: 1 }));
      await mirror.settled();
    });

    it('a file changed by hand while no mirror ran is an edit', async () => {
      await stop();
      save('things/a.json', { size: 7 });
      save('things/new.json', { size: 8 });
      await start();
      assert.deepEqual(await store.read('things/a'), { size: 7 });
      assert.deepEqual(await store.read('things/new'), { size: 8 });
      assert.equal(store.head.revision, 2);
    });

    it('also after a crash', async () => {
      await crash();
      save('things/a.json', { size: 7 });
      await start();
      assert.deepEqual(await store.read('things/a'), { size: 7 });
    });

    it('a file of an earlier run is never taken for an edit that takes a commit back', async () => {
      await crash();
      await commit(put('things/a', { size: 2 }), { op: 'remove', path: 'things/b' }); // while no mirror runs
      await start();
      assert.equal(store.head.revision, 2);
      assert.deepEqual(json('things/a.json'), { size: 2 });
      assert.equal(existsSync(at('things/b.json')), false);
    });

    it('what came and went since the files were last known to be complete is not left behind', async () => {
      await commit(put('things/passing', {}), put('things/a', { size: 2 }));
      await mirror.settled();
      await crash();
      await commit({ op: 'remove', path: 'things/passing' }, put('things/a', { size: 1 }));
      await start();
      assert.deepEqual(readdirSync(at('things')), ['a.json', 'b.json']);
      assert.deepEqual(json('things/a.json'), { size: 1 });
    });

    it('a crash between intention and write: either content is known as ours', async () => {
      await crash();
      await commit(put('things/a', { size: 2 }));
      const hashes = new Map<string, string[]>();
      for await (const [file, note] of store.readMirror()) hashes.set(file, note as string[]);
      await store.writeMirror([
        {
          file: 'things/a.json',
          note: [...(hashes.get('things/a.json') ?? []), 'what-was-about-to-be-written'],
        },
      ]);
      await start();
      assert.equal(store.head.revision, 2);
      assert.deepEqual(json('things/a.json'), { size: 2 });
      assert.deepEqual(codes(), {});
    });

    it('an edit of older text made while no mirror ran is a conflict', async () => {
      await crash();
      await commit(put('things/a', { size: 2 }));
      save('things/a.json', { size: 1, label: 'edited' });
      await start();
      assert.deepEqual(codes(), { 'things/a.json': 'conflict' });
      assert.deepEqual(json('things/a.json'), { size: 1, label: 'edited' });
    });

    it('a crash between commit and the note of it is no conflict', async () => {
      await crash();
      save('things/a.json', '{ "size": 2 }');
      await commit(put('things/a', { size: 2 }));
      await start();
      assert.deepEqual(codes(), {});
      assert.equal(store.head.revision, 2);
    });

    it('a conflict is still one after a restart: the new object was never seen by whoever saved the file', async () => {
      const committed = commit(put('things/c', { size: 1 }));
      save('things/c.json', { size: 2 }); // before the mirror writes it
      await committed;
      await mirror.settled();
      assert.deepEqual(codes(), { 'things/c.json': 'conflict' });
      await stop();
      await start();
      assert.deepEqual(codes(), { 'things/c.json': 'conflict' });
      assert.deepEqual(await store.read('things/c'), { size: 1 });
    });

    it('a file that was in trouble and is gone after a restart is written', async () => {
      save('things/c.json', '{');
      await mirror.settled();
      await commit(put('things/c', { size: 1 }));
      await stop();
      rmSync(at('things/c.json'));
      await start();
      assert.deepEqual(json('things/c.json'), { size: 1 });
    });

    it('an edit in a folder that was just removed starts from what was there', async () => {
      rmSync(at(''), { recursive: true });
      mkdirSync(at('things'), { recursive: true });
      save('things/a.json', { size: 5 });
      await mirror.settled();
      assert.deepEqual(codes(), {});
      assert.deepEqual(await store.read('things/a'), { size: 5 });
      assert.deepEqual(json('things/b.json'), { size: 1 });
    });

    it('what a crash left of writing is cleared away', async () => {
      await crash();
      writeFileSync(at('things/.lockstep-0123456789ab.tmp'), 'x');
      await start();
      assert.deepEqual(readdirSync(at('things')), ['a.json', 'b.json']);
    });

    it('stop writes what is not written yet', async () => {
      const committed = commit(put('things/a', { size: 3 }));
      await committed;
      await stop();
      assert.deepEqual(json('things/a.json'), { size: 3 });
    });

    it('an edit that no event told of is found by the reconcile', async () => {
      await stop();
      await start(200);
      const { folders } = mirror as unknown as { folders: { close(): Promise<void> } };
      await folders.close(); // blind from here on
      save('things/a.json', { size: 7 });
      await until(async () => (await store.read('things/a'))?.size === 7);
    });
  });

  describe('a power cut', () => {
    const old = Array.from({ length: 50 }, (_, index) => `things/t${index}`);
    const texts = new Map<string, string>();
    const remember = (...files: string[]): void => {
      for (const file of files) texts.set(file, readFileSync(at(file), 'utf8'));
    };
    /** The store keeps everything; the disk brings back what stood in these files when they were remembered. */
    async function cut(...back: string[]): Promise<void> {
      await crash();
      for (const file of back) writeFileSync(at(file), texts.get(file) ?? '');
      reboot(Date.now() + 1000);
    }
    /** The machine runs since `bootedAt`. */
    function reboot(bootedAt: number): void {
      clock = {
        bootId: `boot-${bootedAt}-${Math.random()}`,
        wall: Date.now(),
        uptime: Date.now() - bootedAt,
      };
    }
    const commits = (): number => store.head.revision;

    beforeEach(async () => {
      await commit(...old.map(path => put(path, { size: 1 })));
      await mirror.settled();
      remember(...old.map(path => `${path}.json`));
    });

    it('50 changes whose files the disk did not keep are undone nowhere: the files are made again', async () => {
      for (const path of old) await commit(put(path, { size: 2 }));
      await mirror.settled();
      const before = commits();
      await cut(...old.map(path => `${path}.json`));
      await start();
      assert.equal(commits(), before);
      for (const path of old) assert.deepEqual(json(`${path}.json`), { size: 2 });
      assert.deepEqual(codes(), {});
    });

    it('whatever stood in a file since the disk was last known to keep it is known as ours', async () => {
      for (const size of [2, 3, 4]) {
        await commit(put('things/t0', { size }));
        await mirror.settled();
        remember('things/t0.json');
        if (size !== 3) continue;
        await cut('things/t0.json'); // also of an earlier run
        await start();
      }
      for (const size of [2, 3]) {
        texts.set('things/t0.json', `{\n  "size": ${size}\n}\n`);
        await cut('things/t0.json');
        await start();
        assert.deepEqual([await store.read('things/t0'), json('things/t0.json')], [{ size: 4 }, { size: 4 }]);
      }
    });

    it('a removed file that is back is removed again, a new one that is gone is made again', async () => {
      await commit({ op: 'remove', path: 'things/t0' }, put('things/new', { size: 5 }));
      await mirror.settled();
      const before = commits();
      await cut('things/t0.json');
      rmSync(at('things/new.json'));
      await start();
      assert.equal(commits(), before);
      assert.equal(existsSync(at('things/t0.json')), false);
      assert.deepEqual(json('things/new.json'), { size: 5 });
    });

    it('empty files, files of zeroes and torn ones are made again', async () => {
      const right = texts.get('things/t0.json') as string;
      texts.set('things/t0.json', '').set('things/t1.json', '\0'.repeat(right.length));
      texts.set('things/t2.json', right.slice(0, 7)).set('things/t3.json', right.slice(0, -1));
      await cut('things/t0.json', 'things/t1.json', 'things/t2.json', 'things/t3.json');
      await start();
      for (const name of ['t0', 't1', 't2', 't3'])
        assert.equal(readFileSync(at(`things/${name}.json`), 'utf8'), right);
      assert.deepEqual(codes(), {});
      assert.equal(commits(), 1);
    });

    it('an edit just before the cut that the disk kept is taken, also of an object that was changed a moment ago', async () => {
      await commit(put('things/t0', { size: 2 }));
      await mirror.settled();
      texts.set('things/t0.json', '{"size":3}').set('things/t1.json', '{"size":4}');
      await cut('things/t0.json', 'things/t1.json');
      await start();
      assert.deepEqual(
        [await store.read('things/t0'), await store.read('things/t1')],
        [{ size: 3 }, { size: 4 }],
      );
    });

    it('an edit made while the unit was down is taken, and so is a new file', async () => {
      await crash();
      reboot(Date.now() - 1000);
      save('things/t1.json', { size: 4 });
      save('things/mine.json', { size: 5 });
      await start();
      assert.deepEqual(
        [await store.read('things/t1'), await store.read('things/mine')],
        [{ size: 4 }, { size: 5 }],
      );
      assert.deepEqual(codes(), {});
    });

    it('an edit of what the cut may have brought back is not committed, but kept beside and named until somebody decides', async () => {
      await commit(put('things/t0', { size: 2 }));
      await mirror.settled();
      await crash();
      reboot(Date.now() - 1000);
      save('things/t0.json', { size: 1, label: 'edited' });
      await start();
      assert.deepEqual([await store.read('things/t0'), json('things/t0.json')], [{ size: 2 }, { size: 2 }]);
      const [trouble] = mirror.troubles();
      assert.deepEqual([trouble?.code, trouble?.path], ['kept-beside', 'things/t0']);
      const kept = trouble?.file ?? '';
      assert.deepEqual(json(kept), { size: 1, label: 'edited' });
      assert.deepEqual(mirror.counts(), { waiting: 1, unwritten: 0 });
      await stop();
      await start();
      assert.deepEqual(codes(), { [kept]: 'kept-beside' });
      assert.deepEqual(await store.read('things/t0'), { size: 2 });
      await mirror.adopt(kept, { author: 'ada' });
      await mirror.settled();
      assert.deepEqual(await store.read('things/t0'), { size: 1, label: 'edited' });
      assert.deepEqual([(await newest()).author, codes(), existsSync(at(kept))], ['ada', {}, false]);
      assert.deepEqual(json('things/t0.json'), { label: 'edited', size: 1 });
    });

    it('what is kept beside is named no longer once somebody removes it', async () => {
      await commit(put('things/t0', { size: 2 }), put('things/t1', { size: 2 }));
      await mirror.settled();
      await crash();
      reboot(Date.now() - 1000);
      save('things/t0.json', { size: 7 });
      save('things/t1.json', { size: 7 });
      await start();
      const [one, other] = mirror.troubles().map(({ file }) => file) as [string, string];
      rmSync(at(one));
      await mirror.restore(other);
      assert.deepEqual([codes(), existsSync(at(other))], [{}, false]);
    });

    it('an edit that collides with a commit is kept beside', async () => {
      await crash();
      await commit(put('things/t0', { size: 2 })); // while no mirror runs
      save('things/t0.json', { size: 9 });
      reboot(Date.now() + 1000);
      await start();
      assert.deepEqual(Object.values(codes()), ['kept-beside']);
      assert.deepEqual([await store.read('things/t0'), json('things/t0.json')], [{ size: 2 }, { size: 2 }]);
    });

    it("a file from before the time up to which all was durable is nobody's edit", async () => {
      await stop();
      await store.writeLocal('mirror', {
        ...(await store.readLocal<object>('mirror')),
        durableAt: Date.now() + 60_000,
      });
      texts.set('things/t0.json', '{"size":9}');
      await cut('things/t0.json');
      await start();
      assert.deepEqual(await store.read('things/t0'), { size: 1 });
      assert.deepEqual(Object.values(codes()), ['kept-beside']);
    });

    it('once the disk is asked to keep what was written, older text is an edit again', async () => {
      await stop();
      await start(3_600_000, 20);
      await commit(put('things/t0', { size: 2 }));
      await mirror.settled();
      await until(async () => {
        for await (const [file, note] of store.readMirror())
          if (file === 'things/t0.json') return Array.isArray(note);
        return false;
      });
      await crash();
      reboot(Date.now() - 60_000);
      writeFileSync(at('things/t0.json'), texts.get('things/t0.json') as string);
      await start();
      assert.deepEqual(await store.read('things/t0'), { size: 1 });
    });

    it('in the same boot every difference is an edit, whatever the time of the file', async () => {
      await commit(put('things/t0', { size: 2 }));
      await mirror.settled();
      await stop();
      writeFileSync(at('things/t0.json'), texts.get('things/t0.json') as string);
      utimesSync(at('things/t0.json'), 1, 1);
      await start();
      assert.deepEqual(await store.read('things/t0'), { size: 1 });
    });

    it("what could not be written again at once is still nobody's edit, also after a flush and another crash", async () => {
      await commit(put('things/t0', { size: 2 }));
      await mirror.settled();
      await cut('things/t0.json');
      const { carryOut } = MirrorWriter.prototype as unknown as { carryOut(plan: object): Promise<boolean> };
      const failing = async function (
        this: { failed: Set<string>; options: WriterOptions },
        plan: { path: string; file: string },
      ) {
        this.failed.add(plan.path);
        this.options.failed(
          plan.file,
          plan.path,
          Object.assign(new Error('too many open files'), { code: 'EMFILE' }),
        );
        return false;
      };
      Object.assign(MirrorWriter.prototype, { carryOut: failing });
      try {
        await start(3_600_000, 20);
        await sleep(1500); // it is tried again in between
        assert.deepEqual(await store.read('things/t0'), { size: 2 });
        assert.deepEqual(mirror.counts(), { waiting: 0, unwritten: 1 });
        await crash();
      } finally {
        Object.assign(MirrorWriter.prototype, { carryOut });
      }
      await start();
      assert.deepEqual([await store.read('things/t0'), json('things/t0.json')], [{ size: 2 }, { size: 2 }]);
      assert.deepEqual(codes(), {});
    });

    it('a standby whose files are stale has nothing to tell of', async () => {
      for (const path of old) await commit(put(path, { size: 2 }));
      await mirror.settled();
      await store.setRole('standby', 1);
      await cut(...old.map(path => `${path}.json`));
      await start();
      assert.deepEqual(codes(), {});
      for (const path of old) assert.deepEqual(json(`${path}.json`), { size: 2 });
    });

    it('a store of release 0.1.0, which knew no boots, is opened: what nobody can tell is kept beside', async () => {
      await stop();
      const {
        boot: _boot,
        durableAt: _durable,
        ...mark
      } = (await store.readLocal('mirror')) as Record<string, object>;
      await store.writeLocal('mirror', mark);
      texts.set('things/t0.json', '{"size":9}').set('things/t1.json', '');
      await cut('things/t0.json', 'things/t1.json');
      await start();
      assert.deepEqual(Object.values(codes()), ['kept-beside']);
      assert.deepEqual([json('things/t0.json'), json('things/t1.json')], [{ size: 1 }, { size: 1 }]);
      await stop();
      await store.writeLocal('mirror', mark);
      reboot(Date.now() - 60_000);
      save('things/t2.json', { size: 6 });
      await start();
      assert.deepEqual(await store.read('things/t2'), { size: 6 });
    });
  });

  describe('a refused edit stays refused', () => {
    const restart = async (): Promise<void> => {
      await stop();
      await start();
    };
    beforeEach(async () => {
      await commit(put('things/a', { size: 1 }), put('things/b', { size: 1 }));
      await mirror.settled();
      await store.setRole('standby', 1);
      save('things/a.json', { size: 7 });
      await mirror.settled();
      assert.deepEqual(codes(), { 'things/a.json': 'not-active' });
    });

    it('when the unit takes over and is restarted, in whatever order, and after a power cut', async () => {
      await restart();
      await store.setRole('active', 2);
      for (const boot of ['boot-1', 'boot-2', 'boot-3']) {
        clock = { bootId: boot, wall: Date.now(), uptime: 0 };
        await restart();
        assert.deepEqual(codes(), { 'things/a.json': 'not-active' });
        assert.deepEqual(await store.read('things/a'), { size: 1 });
        assert.deepEqual(json('things/a.json'), { size: 7 });
      }
      assert.deepEqual(mirror.counts(), { waiting: 1, unwritten: 0 });
    });

    it('until somebody saves the file again, even with the same text', async () => {
      await restart();
      await store.setRole('active', 2);
      chmodSync(at('things/a.json'), 0o640); // that is no save
      await mirror.settled();
      assert.deepEqual(codes(), { 'things/a.json': 'not-active' });
      save('things/a.json', { size: 7 });
      await mirror.settled();
      assert.deepEqual([codes(), await store.read('things/a')], [{}, { size: 7 }]);
    });

    it('until somebody adopts it, which takes an active unit', async () => {
      await assert.rejects(mirror.adopt('things/a.json', { author: 'ada' }), { code: 'not-active' });
      await store.setRole('active', 2);
      await commit(put('things/a', { size: 2 }));
      await mirror.settled();
      await mirror.adopt('things/a.json', { author: 'ada', reason: 'as it was meant' });
      await mirror.settled();
      assert.deepEqual([codes(), await store.read('things/a')], [{}, { size: 7 }]);
      const { author, reason, kind } = await newest();
      assert.deepEqual([author, reason, kind], ['ada', 'as it was meant', 'file']);
      await assert.rejects(mirror.adopt('things/none.json', { author: 'ada' }), { code: 'unknown-path' });
      await assert.rejects(mirror.adopt('../store/data.mdb', { author: 'ada' }), { code: 'unknown-path' });
    });

    it('until somebody has it made again', async () => {
      await mirror.restore('things/a.json');
      await store.setRole('active', 2);
      await restart();
      assert.deepEqual(
        [codes(), json('things/a.json'), await store.read('things/a')],
        [{}, { size: 1 }, { size: 1 }],
      );
    });

    it('and makes way, kept beside, when an update changes its object', async () => {
      await store.setRole('active', 1);
      await commit(put('things/a', { size: 2 }));
      await store.setRole('standby', 1);
      await mirror.settled();
      assert.deepEqual(json('things/a.json'), { size: 2 });
      const [trouble] = mirror.troubles();
      assert.equal(trouble?.code, 'kept-beside');
      assert.deepEqual(json(trouble?.file ?? ''), { size: 7 });
    });
  });

  it("an empty file is nobody's work: the next commit to its object heals it", async () => {
    await commit(put('things/a', { size: 1 }));
    await mirror.settled();
    save('things/a.json', '');
    await mirror.settled();
    assert.deepEqual(codes(), { 'things/a.json': 'bad-json' });
    await stop();
    await start();
    await commit(put('things/a', { size: 2 }));
    await mirror.settled();
    assert.deepEqual([codes(), json('things/a.json')], [{}, { size: 2 }]);
  });

  it('with too many files open nothing can be written, is told as such, and is written once it can be', async function () {
    const limit = openFileLimit();
    if (limit === undefined) {
      process.stdout.write('    skipped: the program prlimit is missing\n');
      this.skip();
    }
    await commit(put('things/a', { size: 1 }), put('things/b', { size: 1 }));
    await mirror.settled();
    await limit.lower();
    await commit(
      put('things/a', { size: 2 }),
      { op: 'remove', path: 'things/b' },
      put('things/c', { size: 3 }),
    );
    await until(async () => mirror.counts().unwritten > 0);
    await limit.restore();
    await until(async () => mirror.counts().unwritten === 0);
    await mirror.settled();
    assert.deepEqual([codes(), json('things/a.json'), json('things/c.json')], [{}, { size: 2 }, { size: 3 }]);
    assert.equal(existsSync(at('things/b.json')), false);
  });

  it('one watch a folder, whatever the number of files', async () => {
    const changes = Array.from({ length: 1000 }, (_, index) => put(`things/t${index}`, { size: 1 }));
    await commit(...changes);
    await mirror.settled();
    assert.equal(readdirSync(at('things')).length, 1000);
    const before = watches();
    await stop();
    assert.equal(before - watches(), ['..', '', 'things', 'depot', 'depot/boxes', 'people'].length);
  });

  it('a folder that is read-only does not stop the unit', async function () {
    if (process.getuid?.() === 0) {
      process.stdout.write('    skipped: root may write into every folder (run the tests as another user)\n');
      this.skip();
    }
    chmodSync(at('things'), 0o500);
    await commit(put('things/a', {}));
    await mirror.settled();
    assert.equal(mirror.troubles().length, 1);
    chmodSync(at('things'), 0o700);
  });
});

function watches(): number {
  return readdirSync('/proc/self/fdinfo')
    .map(entry =>
      existsSync(`/proc/self/fdinfo/${entry}`) ? readFileSync(`/proc/self/fdinfo/${entry}`, 'utf8') : '',
    )
    .reduce((sum, text) => sum + (text.match(/^inotify /gm)?.length ?? 0), 0);
}

/** Lowers how many files this process may have open to what it has open now; a process that runs already puts it back. */
function openFileLimit(): { lower(): Promise<void>; restore(): Promise<void> } | undefined {
  if (spawnSync('prlimit', ['--version']).status !== 0) return undefined;
  const helper = spawn(
    'sh',
    ['-c', `while read limit; do prlimit --pid ${process.pid} --nofile=$limit: && echo; done`],
    {
      stdio: ['pipe', 'pipe', 'ignore'],
    },
  );
  const set = async (limit: number): Promise<void> => {
    const done = once(helper.stdout, 'data');
    helper.stdin.write(`${limit}\n`);
    await done;
  };
  return {
    lower: () => set(readdirSync('/proc/self/fd').length - 1),
    restore: async () => {
      await set(1024);
      helper.stdin.end();
    },
  };
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    if (await holds()) return;
    await sleep(50);
  }
  assert.fail('it never came to that');
}
