import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';

describe('whole pairs, tested two files at a time', () => {
  it('have a network of their own, file by file', () => {
    const files = new Map<string, string>();
    for (const file of readdirSync('test/e2e').filter(name => name.endsWith('.test.ts'))) {
      const text = readFileSync(`test/e2e/${file}`, 'utf8');
      for (const net of new Set(text.match(/\b127\.0\.(?!0\.)\d+\./g))) {
        assert.equal(files.get(net), undefined, `${file} and ${files.get(net)} both have ${net}x`);
        files.set(net, file);
      }
    }
    assert.ok(files.size > 15);
  });
});
