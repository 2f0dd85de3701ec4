import assert from 'node:assert/strict';
import { Turns } from '../../api/turns.ts';

describe('turns of operators', () => {
  async function taken(
    turns: Turns,
    ...names: string[]
  ): Promise<{ begun: string[]; ends: Map<string, () => void> }> {
    const begun: string[] = [];
    const ends = new Map<string, () => void>();
    for (const name of names)
      void turns.take(name.slice(0, 1)).then(end => {
        begun.push(name);
        ends.set(name, end);
      });
    await settled();
    return { begun, ends };
  }

  async function settled(): Promise<void> {
    await new Promise(resolve => setImmediate(resolve));
  }

  it('each has one at a time, and all together have few', async () => {
    const { begun, ends } = await taken(new Turns(2), 'a1', 'a2', 'b1', 'c1', 'b2');
    assert.deepEqual(begun, ['a1', 'b1']);
    ends.get('b1')?.();
    await settled();
    assert.deepEqual(begun, ['a1', 'b1', 'c1'], 'a has one, so c is before b');
    ends.get('a1')?.();
    await settled();
    assert.deepEqual(begun, ['a1', 'b1', 'c1', 'a2']);
  });

  it('a turn that is ended twice makes room once', async () => {
    const { begun, ends } = await taken(new Turns(1), 'a1', 'b1', 'c1');
    ends.get('a1')?.();
    ends.get('a1')?.();
    await settled();
    assert.deepEqual(begun, ['a1', 'b1']);
  });
});
