import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { command as rebuild } from '../../cli/commands/rebuild.ts';
import type { Context } from '../../cli/context.ts';

/** What `work` comes to when somebody only presses Enter at each question. */
async function afterEnter<Answer>(work: () => Promise<Answer>): Promise<Answer> {
  const own = Object.getOwnPropertyDescriptor(process, 'stdin') as PropertyDescriptor;
  const keys = new PassThrough();
  Object.defineProperty(process, 'stdin', { configurable: true, value: keys });
  const enter = setInterval(() => keys.write('\n'), 50);
  try {
    return await work();
  } finally {
    clearInterval(enter);
    Object.defineProperty(process, 'stdin', own);
  }
}

describe('Enter, pressed at a question', () => {
  it('does not throw the store of a unit away', async () => {
    let asked = 0;
    const unit = () => ({
      rebuild: async () => {
        asked++;
      },
    });
    const context = { interactive: true, unit } as unknown as Context;
    await assert.rejects(
      afterEnter(() => rebuild.run(context, { fromPartner: true })),
      { code: 'bad-usage', message: /Cancelled; nothing was changed/ },
    );
    assert.equal(asked, 0);
  });
});
