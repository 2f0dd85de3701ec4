import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type ErrorBody, LockstepError } from '../../schema/error.ts';
import { EMPTY_DIGEST } from '../../store/digest.ts';
import { step } from '../../sync/machine.ts';
import { mismatches, nameOf, type StateName, updateRefusal } from '../../sync/pair-state.ts';
import { asError } from '../../sync/partner-error.ts';
import {
  type Effect,
  initialState,
  type OwnFacts,
  type SyncEvent,
  type SyncState,
} from '../../sync/state.ts';
import { A, B, C, ownFacts, partnerHello } from './facts.ts';
import { Script } from './script.ts';

describe('what a unit says about a partner that does not fit', () => {
  it('every difference, with both values', () => {
    const different = mismatches(
      ownFacts(),
      partnerHello({ pairId: 'pair-2', model: 'other', mode: 'first' }),
    );
    assert.deepEqual(different, [
      { what: 'pair identity', ours: 'pair-1', theirs: 'pair-2' },
      { what: 'HA mode', ours: 'first', theirs: 'first' },
      { what: 'model', ours: 'generic', theirs: 'other' },
    ]);
    const refusal = updateRefusal(Script.linked({}, { model: 'other', mode: 'first' }).state);
    assert.equal(
      refusal?.message,
      'The units do not fit together: both are HA first mode; model here generic, there other.',
    );
  });

  it('a partner of another release may refuse with a code that is not known here', () => {
    const told = asError({ code: 'code-of-the-future', message: 'No.' } as unknown as ErrorBody);
    assert.equal(told.code, 'bad-message');
    assert.equal(told.toJSON().message, 'No.');
  });
});

/** A run of the machine in which whatever can happen happens, in any order, and what it did about it. */
class Chaos {
  state: SyncState;
  tickets = 0;
  readonly answered: number[] = [];
  private own: OwnFacts = ownFacts();

  constructor() {
    this.state = initialState(this.own);
  }

  feed(event: SyncEvent): Effect[] {
    const { state, effects } = step(this.state, event);
    this.state = state;
    for (const effect of effects) this.answered.push(...ticketsOf(effect));
    return effects;
  }

  ownEvent(changed: Partial<OwnFacts>): SyncEvent {
    this.own = { ...this.own, ...changed };
    return { type: 'own', own: this.own };
  }
}

function ticketsOf(effect: Effect): number[] {
  if (effect.do === 'remember') return effect.tickets;
  if (effect.do === 'answer' || effect.do === 'become-active') return [effect.ticket];
  return effect.do === 'become-standby' && effect.ticket !== undefined ? [effect.ticket] : [];
}

const digest = fc.constantFrom(A, B, C, EMPTY_DIGEST);
const role = fc.constantFrom('active' as const, 'standby' as const);
const epoch = fc.integer({ min: 0, max: 4 });
const release = fc.constantFrom('1.0.0', '1.0.0', '1.0.0', '2.0.0');
const mode = fc.constantFrom('second' as const, 'second' as const, 'second' as const, 'first' as const);
const changedOwn = fc.record(
  {
    role,
    epoch,
    digest,
    common: digest,
    established: fc.boolean(),
    everyCommit: fc.boolean(),
    release,
    unconfirmed: fc.boolean(),
    pause: fc.constantFrom(undefined, undefined, { by: 'ada', reason: 'r', since: '', until: null }),
  },
  { requiredKeys: [] },
);
const changedPartner = fc.record(
  {
    role,
    epoch,
    digest,
    established: fc.boolean(),
    unconfirmed: fc.boolean(),
    paused: fc.boolean(),
    pacified: fc.constantFrom(false, false, false, true),
    release,
    mode,
  },
  { requiredKeys: [] },
);
const failure = fc
  .constantFrom('base-differs' as const, 'digest-differs' as const, 'unit-scope' as const, 'disk' as const)
  .map(code => new LockstepError(code, 'no', { facts: { digest: C } }).toJSON());
/** Mostly the run under way; now and then one that is over. */
const late = fc.constantFrom(0, 0, 0, 0, 1);

type Happening = (chaos: Chaos) => SyncEvent;
const happening: fc.Arbitrary<Happening> = fc.oneof(
  fc.constant<Happening>(() => ({ type: 'linked' })),
  fc.constant<Happening>(() => ({ type: 'unlinked', reason: 'cut' })),
  fc.constant<Happening>(() => ({ type: 'due' })),
  fc.constant<Happening>(chaos => ({ type: 'force', ticket: ++chaos.tickets })),
  fc.record({ changed: changedPartner, greeting: fc.boolean() }).map(
    ({ changed, greeting }): Happening =>
      () => ({ type: 'heard', hello: partnerHello(changed), greeting }),
  ),
  changedOwn.map(
    (changed): Happening =>
      chaos =>
        chaos.ownEvent(changed),
  ),
  fc.boolean().map(
    (force): Happening =>
      chaos => ({ type: 'take-over', ticket: ++chaos.tickets, force }),
  ),
  fc.record({ epoch, force: fc.boolean(), digest }).map(
    (asked): Happening =>
      chaos => ({ type: 'asked-to-step-down', ticket: ++chaos.tickets, ...asked }),
  ),
  fc.record({ late, route: fc.constantFrom('send' as const, 'compare' as const), target: digest }).map(
    ({ late: by, ...prepared }): Happening =>
      ({ state }) => ({ type: 'prepared', run: state.run - by, revision: 7, ...prepared }),
  ),
  late.map(
    (by): Happening =>
      ({ state }) => ({ type: 'compared', run: state.run - by, nodes: [] }),
  ),
  late.map(
    (by): Happening =>
      ({ state }) => ({ type: 'listed', run: state.run - by, difference: { upserts: [], removals: [] } }),
  ),
  fc.record({ late, digest }).map(
    ({ late: by, digest: held }): Happening =>
      ({ state }) => ({ type: 'receipt', run: state.run - by, result: 'applied', digest: held }),
  ),
  fc.record({ late, error: failure }).map(
    ({ late: by, error }): Happening =>
      ({ state }) => ({ type: 'failed', run: state.run - by, error }),
  ),
  late.map(
    (by): Happening =>
      ({ state }) => ({ type: 'stepped-down', run: state.run - by }),
  ),
  fc.record({ late, error: failure }).map(
    ({ late: by, error }): Happening =>
      ({ state }) => ({ type: 'not-stepped-down', run: state.run - by, error }),
  ),
);

const STATE_NAMES: StateName[] = [
  'unreachable',
  'greeting',
  'refused',
  'both-active',
  'no-active',
  'updating',
  'comparing',
  'taking-over',
  'in-step',
  'paused',
  'behind',
];

/** The laws that hold after every single event. */
function holdsAfter(state: SyncState, effects: Effect[], answered: number[]): void {
  assert.ok(STATE_NAMES.includes(nameOf(state)), 'a state has a name');
  assert.equal(new Set(answered).size, answered.length, 'nobody is answered twice');
  if (state.partner?.pacified === true) assert.notEqual(state.link, 'up', 'a pacified partner is not there');
  if (state.work.step === 'idle') {
    assert.deepEqual(state.waiting, [], 'nobody waits for a run that nobody begins');
    assert.equal(state.stepDown, undefined, 'no takeover waits for an update that nobody begins');
  }
  for (const effect of effects) {
    if (effect.do === 'send') {
      assert.equal(updateRefusal(state), undefined, 'nothing is sent that may not be sent');
      assert.equal(state.own.role, 'active', 'only the active unit sends');
      assert.equal(state.own.pause, undefined, 'nothing is sent while updates are paused');
      assert.equal(state.own.unconfirmed, false, 'what was restored is sent once it is confirmed');
      assert.deepEqual(mismatches(state.own, state.partner ?? partnerHello()), [], 'only to one that fits');
    }
    if (effect.do === 'ask-step-down') {
      const seen = Math.max(state.own.epoch, state.partner?.epoch ?? 0);
      assert.ok(effect.epoch > seen, 'a takeover begins an epoch above all that was seen');
    }
  }
}

describe('the step machine, whatever happens in whatever order', () => {
  it('keeps its laws after every event, and answers everybody once the connection is gone', () => {
    const runs = fc.array(happening, { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(runs, happenings => {
        const chaos = new Chaos();
        // Most of what can happen happens between units that have met.
        chaos.feed({ type: 'linked' });
        chaos.feed({ type: 'heard', hello: partnerHello(), greeting: true });
        for (const happens of happenings) {
          const effects = chaos.feed(happens(chaos));
          holdsAfter(chaos.state, effects, chaos.answered);
        }
        chaos.feed({ type: 'unlinked', reason: 'the end' });
        const everybody = Array.from({ length: chaos.tickets }, (_, index) => index + 1);
        assert.deepEqual(
          [...chaos.answered].sort((a, b) => a - b),
          everybody,
        );
      }),
      { numRuns: 5_000 },
    );
  });
});
