import { LockstepError } from '../schema/error.ts';
import { type MethodName, methodOf } from './contract/methods.ts';
import { faultFinder } from './validators.ts';

const finders = new Map<MethodName, ReturnType<typeof faultFinder>>();

/** Throws `internal` for an answer that its schema does not describe whole. */
export function checkAnswer(name: MethodName, answer: unknown): void {
  const { answer: schema, written } = methodOf(name);
  const find = finders.get(name) ?? faultFinder(schema);
  finders.set(name, find);
  const told = written === 'bytes' ? (answer as { facts: unknown }).facts : answer;
  // As it crosses the wire: what is undefined is not there.
  const fault = find(JSON.parse(JSON.stringify(told)));
  if (fault !== undefined)
    throw new LockstepError('internal', `The answer of ${name} is not what its schema says: ${fault}.`);
}
