import assert from 'node:assert/strict';
import { DropMemory } from '../../../unit/certificates/drop-memory.ts';

describe('what was taken from certs.d', () => {
  let facts: Map<string, object>;
  const start = (boot: string): DropMemory =>
    new DropMemory(
      {
        readLocal: async <T>(name: string) => facts.get(name) as T | undefined,
        writeLocal: async (name, value) =>
          void (value === undefined ? facts.delete(name) : facts.set(name, value)),
      },
      boot,
    );

  beforeEach(async () => {
    facts = new Map();
    const memory = start('boot-1');
    await memory.remember('shop', 'old');
    await memory.remember('shop', 'new');
  });

  it('is not taken twice', async () => {
    assert.equal(await start('boot-1').recall('shop', 'new'), 'taken');
    assert.equal(await start('boot-2').recall('shop', 'new'), 'taken');
  });

  it('and is back after a power cut: nothing is taken then', async () => {
    assert.equal(await start('boot-2').recall('shop', 'old'), 'back');
    assert.equal(await start('boot-2').recall('shop', 'other'), undefined);
  });

  it('also when it had been removed', async () => {
    await start('boot-1').remember('shop', undefined);
    assert.equal(await start('boot-2').recall('shop', 'new'), 'back');
    assert.equal(await start('boot-1').recall('shop', 'new'), undefined);
  });

  it('but whoever puts it there without a reboot, or once the unit runs, means it', async () => {
    assert.equal(await start('boot-1').recall('shop', 'old'), undefined);
    const memory = start('boot-2');
    assert.equal(await memory.recall('shop', 'new'), 'taken');
    assert.equal(await memory.recall('shop', 'old'), undefined);
  });

  it('by release 0.1.0 is known, though not in which boot that was', async () => {
    facts.set('certs.d/shop', { hash: 'new' });
    assert.equal(await start('boot-2').recall('shop', 'new'), 'taken');
    assert.equal(await start('boot-2').recall('shop', 'old'), undefined);
  });
});
