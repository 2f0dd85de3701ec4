import assert from 'node:assert/strict';
import { EMPTY_DIGEST } from '../../../store/digest.ts';
import { initialState, type SyncState } from '../../../sync/state.ts';
import { assertPartnerFills } from '../../../unit/store-care/rebuild-source.ts';
import { ownFacts, partnerHello } from '../../sync/facts.ts';

/** A standby whose active partner is seen. */
function standby(theirs: Parameters<typeof partnerHello>[0] = {}): SyncState {
  const partner = partnerHello({ name: 'lb-b', role: 'active', ...theirs });
  return { ...initialState(ownFacts({ role: 'standby' })), link: 'up', partner };
}

describe('a unit is emptied to be filled by its partner', () => {
  it('when that one is active and holds a configuration', () => {
    assert.doesNotThrow(() => assertPartnerFills(standby(), 'lb-b', false));
  });

  it('not when it is active itself', () => {
    const state = { ...standby(), own: ownFacts({ role: 'active' }) };
    assert.throws(() => assertPartnerFills(state, 'lb-b', true), /This unit is active/);
  });

  it('only by force when the partner is not seen', () => {
    const state: SyncState = { ...standby(), link: 'down' };
    assert.throws(() => assertPartnerFills(state, 'lb-b', false), { code: 'partner-unreachable' });
    assert.doesNotThrow(() => assertPartnerFills(state, 'lb-b', true));
  });

  for (const [what, theirs, words] of [
    ['damaged', { damaged: true }, /damaged too/],
    ['standby', { role: 'standby' }, /it is standby/],
    ['empty', { digest: EMPTY_DIGEST }, /it is empty/],
    ['new', { established: false }, /new to the pair/],
  ] as const) {
    it(`never when the partner is ${what}, by force either`, () => {
      for (const force of [false, true])
        assert.throws(
          () => assertPartnerFills(standby(theirs), 'lb-b', force),
          (error: { code?: string; message?: string }) =>
            error.code === 'never-a-source' && words.test(error.message ?? ''),
        );
    });
  }
});
