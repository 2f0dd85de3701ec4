import { LockstepError } from '../schema/error.ts';
import { isObject, type Json } from '../schema/json.ts';
import { MAX_BUCKETS, MAX_DETAILS, MAX_NODES, NONCE, type Question } from './facts.ts';

type Check = (value: Json | undefined) => boolean;

const MAX_LEAVES = 100_000;
const count: Check = value => Number.isSafeInteger(value) && (value as number) >= 0;
const text: Check = value => typeof value === 'string' && value.length <= 2048;
const flag: Check = value => typeof value === 'boolean';
const nonce: Check = value => typeof value === 'string' && NONCE.test(value);
const most: Check = value => count(value) && (value as number) <= MAX_DETAILS;
const listOf =
  (check: Check, longest: number): Check =>
  value =>
    Array.isArray(value) && value.length <= longest && value.every(check);
const both =
  (check: Check): Check =>
  value =>
    Array.isArray(value) && value.length === 2 && value.every(check);
const object =
  (fields: Record<string, Check>): Check =>
  value =>
    isObject(value) &&
    Object.entries(fields).every(([name, check]) => check(value[name])) &&
    Object.keys(value).every(name => Object.hasOwn(fields, name));

const QUESTIONS: Record<Question['ask'], Check> = {
  open: object({ ask: text, digest: text, schemaDigest: text, nonce, all: flag }),
  nodes: object({ ask: text, nodes: listOf(both(count), MAX_NODES) }),
  leaves: object({ ask: text, buckets: listOf(count, MAX_BUCKETS) }),
  against: object({
    ask: text,
    nonce,
    most,
    buckets: listOf(object({ index: count, leaves: listOf(both(text), MAX_LEAVES) }), MAX_BUCKETS),
  }),
  details: object({ ask: text, nonce, paths: listOf(text, MAX_DETAILS) }),
};

/** A question as it came from a partner or over the API. Throws `bad-message`. */
export function readQuestion(value: Json): Question {
  const ask = isObject(value) && typeof value.ask === 'string' ? value.ask : '';
  if (Object.hasOwn(QUESTIONS, ask) && QUESTIONS[ask as Question['ask']](value)) return value as never;
  throw new LockstepError(
    'bad-message',
    `A question of an audit ("${ask.slice(0, 20)}") is not well formed.`,
  );
}
