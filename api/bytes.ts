import type { Readable } from 'node:stream';

/** An answer that is a file: its bytes, and what it is in a header before them. */
export class BytesAnswer {
  readonly bytes: Readable;
  readonly facts: object;

  constructor(bytes: Readable, facts: object) {
    this.bytes = bytes;
    this.facts = facts;
  }
}

/** Percent-encoded JSON. */
export const FACTS_HEADER = 'x-lockstep-facts';

export function writeFacts(facts: object): string {
  return encodeURIComponent(JSON.stringify(facts));
}

export function readFacts(header: string | string[] | undefined): unknown {
  return typeof header === 'string' ? JSON.parse(decodeURIComponent(header)) : {};
}
