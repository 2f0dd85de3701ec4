import assert from 'node:assert/strict';
import { duration } from '../../cli/duration-argument.ts';

const seconds = duration('--for');

describe('a length of time on the command line', () => {
  it('is a number with its unit', () => {
    const lengths = ['1s', '90s', '30m', '30min', '2h', '1d', '30d', '5 m'];
    assert.deepEqual(lengths.map(seconds), [1, 90, 1800, 1800, 7200, 86_400, 2_592_000, 300]);
  });

  it('is nothing else: not a bare number, not nothing, not for ever', () => {
    for (const text of ['', '30', '0s', '-5m', '1.5h', '1h30m', '31d', '99999999d', 'm', '1w', 'ever'])
      assert.throws(
        () => seconds(text),
        { code: 'bad-usage', message: /--for must be a length of time/ },
        text,
      );
  });
});
