import { type Hello, PROTOCOL } from '../../sync/message.ts';
import { greetingOf, type OwnFacts } from '../../sync/state.ts';

/** States of a configuration. */
export const A = 'a'.repeat(64);
export const B = 'b'.repeat(64);
export const C = 'c'.repeat(64);
export const D = 'd'.repeat(64);

/** The first unit: active in epoch 1, in step with its partner at A. */
export function ownFacts(changed: Partial<OwnFacts> = {}): OwnFacts {
  return {
    protocol: PROTOCOL,
    pairId: 'pair-1',
    unitId: 'unit-first',
    name: 'first',
    mode: 'first',
    role: 'active',
    epoch: 1,
    revision: 7,
    digest: A,
    release: '1.0.0',
    model: 'generic',
    schemaDigest: '5'.repeat(64),
    established: true,
    unconfirmed: false,
    common: A,
    everyCommit: false,
    provisional: '',
    pause: undefined,
    ...changed,
  };
}

/** The second unit: standby, holding A. */
export function partnerHello(changed: Partial<Hello> = {}): Hello {
  return {
    ...greetingOf(ownFacts(), 0),
    unitId: 'unit-second',
    name: 'second',
    mode: 'second',
    role: 'standby',
    ...changed,
  };
}
