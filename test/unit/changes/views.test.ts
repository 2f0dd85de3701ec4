import assert from 'node:assert/strict';
import type { JsonObject } from '../../../schema/json.ts';
import { MASK, splitRecord } from '../../../schema/record.ts';
import type { RecordChange } from '../../../store/revision.ts';
import { changeAnswer, changeView } from '../../../unit/changes/views.ts';
import { catalog } from '../../schema/records-of.ts';

const SECRET = 'hunter2-MARKER';

function change(path: string, before: JsonObject | undefined, after: JsonObject | undefined): RecordChange {
  const none = { pair: undefined, unit: undefined };
  const halves = (value: JsonObject | undefined) =>
    value === undefined ? none : splitRecord(catalog.kindOf(path), value);
  return { path, before: halves(before), after: halves(after) };
}

const view = (path: string, before: JsonObject | undefined, after: JsonObject | undefined) =>
  changeView(catalog, change(path, before, after));

describe('what an operator sees of a change', () => {
  it('is both sides of it', () => {
    assert.deepEqual(view('users/ada', { comment: 'x' }, { comment: 'y' }), {
      path: 'users/ada',
      change: 'changed',
      before: { comment: 'x' },
      after: { comment: 'y' },
    });
    assert.deepEqual(view('users/ada', undefined, {}), { path: 'users/ada', change: 'added', after: {} });
    assert.deepEqual(view('users/ada', {}, undefined), { path: 'users/ada', change: 'removed', before: {} });
  });

  it('joins the halves of a record', () => {
    assert.deepEqual(view('ha', { mode: 'first', timeout: 9 }, { mode: 'first', timeout: 3 }).after, {
      mode: 'first',
      timeout: 3,
    });
  });

  it('tells a record of one unit that is set, from one that is not', () => {
    assert.equal(view('time', undefined, { timeZone: 'UTC' }).change, 'added');
    assert.equal(view('time', { timeZone: 'UTC' }, undefined).change, 'removed');
  });

  for (const kind of catalog.kinds.filter(({ secrets }) => secrets.length > 0)) {
    it(`shows no secret of ${kind.name}, but that it changed`, () => {
      const path = kind.template.join('/').replaceAll('{id}', 'a');
      for (const field of kind.secrets.map(([name]) => String(name))) {
        const shown = [
          view(path, undefined, { [field]: SECRET }),
          view(path, { [field]: SECRET }, undefined),
          view(path, { [field]: SECRET }, { [field]: `${SECRET}2` }),
          view(path, { [field]: SECRET }, { [field]: SECRET }),
          view(path, {}, { [field]: SECRET }),
        ];
        assert.equal(JSON.stringify(shown).includes(SECRET), false);
        assert.equal(shown[0]?.after?.[field], MASK);
        assert.equal(shown[1]?.before?.[field], MASK);
        assert.notEqual(shown[2]?.after?.[field], shown[2]?.before?.[field]);
        assert.equal(shown[3]?.after?.[field], shown[3]?.before?.[field]);
        assert.deepEqual([shown[4]?.before, shown[4]?.after], [{}, { [field]: MASK }]);
      }
    });
  }

  it('counts every change, and shows the first thousand', () => {
    const changes = [
      ...Array.from({ length: 1_500 }, (_, index) => change(`users/u${index}`, undefined, {})),
      change('users/ada', {}, { comment: 'x' }),
      change('users/bob', {}, undefined),
    ];
    const answer = changeAnswer(catalog, { revision: 7, digest: 'd', changes }, true);
    assert.deepEqual(answer.counts, { added: 1_500, changed: 1, removed: 1 });
    assert.equal(answer.changes.length, 1_000);
    assert.deepEqual([answer.revision, answer.digest, answer.dryRun], [7, 'd', true]);
  });
});
