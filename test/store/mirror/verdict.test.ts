import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type AfterReboot, type FileNote, type FoundFile, judgeFile } from '../../../store/mirror/verdict.ts';

const hash = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const time = fc.integer({ min: 0, max: 1000 });
const found: fc.Arbitrary<FoundFile> = fc.record({
  hash,
  text: fc.constantFrom('whole', 'blank', 'cut', 'broken'),
  changedAt: time,
  savedAt: time,
});
const note: fc.Arbitrary<FileNote> = fc.record({
  known: fc.uniqueArray(hash, { maxLength: 2 }),
  earlier: fc.array(hash, { maxLength: 4 }),
  refused: fc.option(
    fc.record({ hash, savedAt: time, code: fc.constant('not-active'), path: hash, reason: hash }),
    { nil: undefined },
  ),
});
const reboot: fc.Arbitrary<AfterReboot> = fc.record({
  bootedAt: time,
  durableAt: fc.option(time, { nil: undefined }),
});
const always = <T>(arbitrary: fc.Arbitrary<T>, holds: (value: T) => void): void =>
  fc.assert(fc.property(arbitrary, holds), { numRuns: 2000 });
const all = fc.tuple(found, note, reboot);

describe('mirror: what a file that was found is', () => {
  it('what the mirror wrote is never an edit after a power cut, whatever the clocks say', () =>
    always(all, ([file, remembered, start]) => {
      const wrote = [...remembered.known, ...(remembered.earlier ?? [])];
      fc.pre(wrote.includes(file.hash));
      assert.notEqual(judgeFile(file, remembered, start), 'edit');
    }));

  it('nothing that is empty, torn or no document is committed to an object that had a file', () =>
    always(all, ([file, remembered, start]) => {
      fc.pre(file.text !== 'whole' && remembered.known.length > 0 && !remembered.known.includes(file.hash));
      assert.notEqual(judgeFile(file, remembered, start), 'edit');
    }));

  it("what is made again without being kept is text of the mirror, or nobody's", () =>
    always(all, ([file, remembered, start]) => {
      if (judgeFile(file, remembered, start) !== 'stale') return;
      assert.ok(remembered.earlier?.includes(file.hash) || file.text === 'blank' || file.text === 'cut');
    }));

  it('an edit after the time up to which all was durable, and of a file that had settled, is taken', () =>
    always(all, ([file, { known }, start]) => {
      const edited = {
        ...file,
        hash: 'edited',
        text: 'whole' as const,
        changedAt: (start.durableAt ?? 0) + 1,
      };
      fc.pre(start.durableAt !== undefined);
      assert.equal(judgeFile(edited, { known }, start), 'edit');
    }));

  it('an edit just before the cut is taken, also of a file that was written a moment before', () =>
    always(all, ([file, remembered, start]) => {
      const changedAt = (start.durableAt ?? 0) + 1;
      const edited = { ...file, hash: 'edited', text: 'whole' as const, changedAt };
      fc.pre(start.durableAt !== undefined && remembered.known.length > 0);
      assert.equal(judgeFile(edited, remembered, { ...start, bootedAt: changedAt + 1 }), 'edit');
    }));

  it('in the same boot every difference is an edit, unless it was refused as it is', () =>
    always(fc.tuple(found, note), ([file, remembered]) => {
      const verdict = judgeFile(file, remembered, undefined);
      const { refused } = remembered;
      const isRefused = refused?.hash === file.hash && refused.savedAt === file.savedAt;
      assert.equal(verdict, remembered.known.includes(file.hash) ? 'ours' : isRefused ? 'refused' : 'edit');
    }));

  it('what was refused stays refused in every boot until it is saved again', () =>
    always(all, ([file, remembered, start]) => {
      fc.pre(!remembered.known.includes(file.hash));
      const refused = { hash: file.hash, savedAt: file.savedAt, code: 'not-active', path: 'p', reason: 'r' };
      for (const boot of [undefined, start])
        assert.equal(judgeFile(file, { ...remembered, refused }, boot), 'refused');
      const again = judgeFile({ ...file, savedAt: file.savedAt + 1 }, { ...remembered, refused }, undefined);
      assert.equal(again, 'edit');
    }));

  it('a unit whose earlier release knew no boots commits only what was changed since the machine runs', () =>
    always(all, ([file, remembered, start]) => {
      fc.pre(remembered.known.length > 0 && !remembered.known.includes(file.hash));
      const verdict = judgeFile(file, { known: remembered.known }, { ...start, durableAt: undefined });
      if (verdict === 'edit') assert.ok(file.changedAt >= start.bootedAt && file.text === 'whole');
    }));
});
