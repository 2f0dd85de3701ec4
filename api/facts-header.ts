/** Tells what a file is before its bytes: percent-encoded JSON. */
export const FACTS_HEADER = 'x-lockstep-facts';

export function writeFacts(facts: object): string {
  return encodeURIComponent(JSON.stringify(facts));
}

export function readFacts(header: string | string[] | undefined): unknown {
  return typeof header === 'string' ? JSON.parse(decodeURIComponent(header)) : {};
}
