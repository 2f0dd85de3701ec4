import assert from 'node:assert/strict';
import { step } from '../../sync/machine.ts';
import type { Hello } from '../../sync/message.ts';
import { nameOf, type StateName } from '../../sync/pair-state.ts';
import {
  type Effect,
  initialState,
  type OwnFacts,
  type SyncEvent,
  type SyncState,
} from '../../sync/state.ts';
import { ownFacts, partnerHello } from './facts.ts';

/** What a story expects: some fields of an effect; `refused` is the code that an answer carries. */
export type Expected = { do: Effect['do']; refused?: string } & Record<string, unknown>;

/** A conversation with the step machine: what happens, what the unit does about it, and how it then calls its state. */
export class Script {
  state: SyncState;
  private own: OwnFacts;

  constructor(own: Partial<OwnFacts> = {}) {
    this.own = ownFacts(own);
    this.state = initialState(this.own);
  }

  /** The connection is up and both have greeted. Says nothing about what the unit does then. */
  static linked(own: Partial<OwnFacts> = {}, partner: Partial<Hello> = {}): Script {
    const script = new Script(own);
    script.state = step(script.state, { type: 'linked' }).state;
    script.state = step(script.state, { type: 'heard', hello: partnerHello(partner), greeting: true }).state;
    return script;
  }

  /** Exactly these effects, in this order. */
  when(event: SyncEvent, ...expected: Expected[]): this {
    const { state, effects } = step(this.state, event);
    this.state = state;
    const shown = effects.map((effect, index) => pick(effect, expected[index]));
    assert.deepEqual(shown, expected, `after ${JSON.stringify(event)}`);
    return this;
  }

  /** The unit itself changed: a commit, a role. */
  whenOwn(changed: Partial<OwnFacts>, ...expected: Expected[]): this {
    this.own = { ...this.own, ...changed };
    return this.when({ type: 'own', own: this.own }, ...expected);
  }

  whenHeard(changed: Partial<Hello>, ...expected: Expected[]): this {
    return this.when({ type: 'heard', hello: partnerHello(changed), greeting: true }, ...expected);
  }

  is(name: StateName): this {
    assert.equal(nameOf(this.state), name);
    return this;
  }

  /** The number of the run under way, for the events that belong to it. */
  get run(): number {
    return this.state.run;
  }
}

/** Of an effect, what the story names. */
function pick(effect: Effect, expected: Expected | undefined): Expected {
  const facts = effect as unknown as Record<string, unknown>;
  const shown: Expected = { do: effect.do };
  for (const name of Object.keys(expected ?? {})) {
    if (name === 'refused') shown.refused = effect.do === 'answer' ? effect.error.code : 'not an answer';
    else shown[name] = facts[name];
  }
  return shown;
}
