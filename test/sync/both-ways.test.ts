import assert from 'node:assert/strict';
import { bothWays } from '../../sync/both-ways.ts';
import { encodeMessage } from '../../sync/message-format.ts';
import { channelPair } from './channel-in-memory.ts';

const REQUEST = encodeMessage({ type: 'kinds', id: 1 });
const REPLY = encodeMessage({ type: 'would-take', re: 1 });
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve));

describe('one connection, both ways', () => {
  it('each end gets requests where it answers, and replies where it asks', async () => {
    const { left, right } = channelPair({ left: () => 'arrives', right: () => 'arrives' });
    const [here, there] = [bothWays(left, 'this-unit'), bothWays(right, 'the-partner')];
    const heard: string[] = [];
    for (const [name, line] of Object.entries({ here, there })) {
      line.asking.onFrame(payload => void heard.push(`${name} asking ${payload}`));
      line.answering.onFrame(payload => void heard.push(`${name} answering ${payload}`));
    }
    await here.asking.send(REQUEST);
    await there.answering.send(REPLY);
    await there.asking.send(REQUEST);
    await here.answering.send(REPLY);
    await turn();
    assert.deepEqual(heard.sort(), [
      `here answering ${REQUEST}`,
      `here asking ${REPLY}`,
      `there answering ${REQUEST}`,
      `there asking ${REPLY}`,
    ]);
  });

  it('what says neither goes where frames of its direction always went; a reply that nobody asked for is no request', async () => {
    const { left, right } = channelPair({ left: () => 'arrives', right: () => 'arrives' });
    const [here, there] = [bothWays(left, 'this-unit'), bothWays(right, 'the-partner')];
    const heard: string[] = [];
    here.asking.onFrame(() => void heard.push('here asking'));
    there.answering.onFrame(payload => void heard.push(`there answering ${payload.toString().slice(0, 8)}`));
    await here.asking.send(Buffer.from('{"x":1}'));
    await there.answering.send(Buffer.from('{"x":1}'));
    await here.answering.send(REPLY);
    await turn();
    assert.deepEqual(
      heard.sort(),
      ['here asking', `there answering ${REPLY.toString().slice(0, 8)}`, 'there answering {"x":1}'].sort(),
    );
  });
});
