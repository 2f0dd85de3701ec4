import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { coloured, plain } from '../../cli/paint.ts';
import { formatRecordDiff } from '../../cli/record-diff.ts';
import { made } from '../backup/made-certificates.ts';

describe('lockstep diff', () => {
  it('shows of a changed record what differs', () => {
    const text = formatRecordDiff(
      {
        path: 'ha',
        change: 'changed',
        before: { virtualId: 61, mode: 'first' },
        after: { virtualId: 62, mode: 'first' },
      },
      plain,
    );
    assert.equal(text, 'changed ha\n {\n-  virtualId: 61\n+  virtualId: 62\n }\n');
  });

  it('shows a new record, and one that went, as a whole', () => {
    assert.equal(
      formatRecordDiff({ path: 'hosts/a', change: 'added', after: { address: '10.0.0.1' } }, plain),
      'added hosts/a\n+{\n+  "address": "10.0.0.1"\n+}\n',
    );
    assert.equal(
      formatRecordDiff({ path: 'hosts/a', change: 'removed', before: {} }, plain),
      'removed hosts/a\n-{}\n',
    );
  });

  it('tells of certificates what they are instead of printing them', () => {
    const [old, renewed] = [made('shop.example', '2026-01-01'), made('shop.example', '2026-06-01')];
    const line = ({ certificate }: typeof old): string => {
      const { validTo, fingerprint256 } = new X509Certificate(certificate);
      const until = new Date(validTo).toISOString().slice(0, 10);
      return `    "CN=shop.example, until ${until}, SHA-256 ${fingerprint256}"`;
    };
    const at = { path: 'certificates/shop' };
    const after = { certificate: renewed.certificate };
    assert.equal(
      formatRecordDiff({ ...at, change: 'added', after }, plain),
      `added certificates/shop\n+{\n+  "certificate": [\n+${line(renewed)}\n+  ]\n+}\n`,
    );
    assert.equal(
      formatRecordDiff({ ...at, change: 'changed', before: { certificate: old.certificate }, after }, plain),
      `changed certificates/shop\n {\n   certificate: [\n-${line(old)}\n+${line(renewed)}\n   ]\n }\n`,
    );
    const wrapped = { certificate: old.certificate.replaceAll('\n', '\r\n') };
    const other = { ...at, change: 'changed' as const, before: { certificate: old.certificate } };
    assert.match(formatRecordDiff({ ...other, after: wrapped }, plain), /BEGIN CERTIFICATE/);
  });

  it('colours only when asked', () => {
    assert.ok(
      formatRecordDiff(
        { path: 'a', change: 'changed', before: { a: 1 }, after: { a: 2 } },
        coloured,
      ).includes('\u001b['),
    );
  });

  it('sums up long lists instead of comparing them for minutes', () => {
    const long = Array.from({ length: 20_000 }, (_none, index) => `10.0.0.${index}`);
    const started = Date.now();
    const text = formatRecordDiff(
      { path: 'a', change: 'changed', before: { list: long }, after: { list: [...long.slice(1), 'new'] } },
      plain,
    );
    assert.ok(Date.now() - started < 2000);
    assert.match(text, /-\s+list: "\[20000 elements, 1 only before\]"/);
    assert.match(text, /\+\s+list: "\[20000 elements, 1 only after\]"/);
  });

  it('tells a long list that was only sorted', () => {
    const long = Array.from({ length: 300 }, (_none, index) => index);
    const text = formatRecordDiff(
      {
        path: 'a',
        change: 'changed',
        before: { deep: { list: long } },
        after: { deep: { list: long.toReversed() } },
      },
      plain,
    );
    assert.match(text, /300 elements, in another order/);
  });

  it('shows a masked secret that differs without the secret', () => {
    const text = formatRecordDiff(
      {
        path: 'users/bal',
        change: 'changed',
        before: { passwordHash: '******** (1)' },
        after: { passwordHash: '******** (2)' },
      },
      plain,
    );
    assert.match(text, /-\s+passwordHash: "\*{8} \(1\)"\n\+\s+passwordHash: "\*{8} \(2\)"/);
  });
});
