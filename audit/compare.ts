import type { Catalog } from '../schema/catalog.ts';
import { nextStep } from '../store/tree-walk.ts';
import { classifyAll, type Difference } from './classify.ts';
import { MAX_BUCKETS, MAX_DETAILS, MAX_NODES, type Opening, type RecordFacts, type Side } from './facts.ts';
import type { Compared } from './report.ts';

export interface CompareOptions {
  catalog: Pick<Catalog, 'kindOf' | 'digest' | 'kindDigests'>;
  /** Hex, fresh for each audit. */
  nonce: string;
  /** With what belongs to each unit alone. */
  all: boolean;
}

/** A side that is changed while it is looked at is looked at again, so often at most. */
const MAX_ATTEMPTS = 3;

/**
 * Compare two sides by their digest trees: equal sides cost one exchange with `b`, others up to three more, and only
 * records that differ travel. Throws what the sides throw.
 */
export async function compare(a: Side, b: Side, options: CompareOptions): Promise<Compared> {
  let exchanges = 0;
  const far: Side = {
    ask: question => {
      exchanges++;
      return b.ask(question as never) as never;
    },
  };
  for (let attempt = 1; ; attempt++) {
    const { settled, ...found } = await compareOnce(a, far, options);
    if (settled || attempt === MAX_ATTEMPTS) return { ...found, settled, exchanges };
  }
}

async function compareOnce(
  a: Side,
  b: Side,
  { catalog, nonce, all }: CompareOptions,
): Promise<Omit<Compared, 'exchanges'>> {
  const open = { ask: 'open' as const, nonce, all };
  const known = { digest: '', schemaDigest: catalog.digest };
  const ours = await a.ask({ ...open, ...known });
  const theirs = await b.ask({ ...open, ...known, digest: ours.digest });
  const still = { a: true, b: true };
  const watch = (end: 'a' | 'b', { digest, revision }: { digest: string; revision: number }): void => {
    const before = end === 'a' ? ours : theirs;
    if (before.digest !== digest || before.revision !== revision) still[end] = false;
  };
  const none = { a: ours, b: theirs, differences: [], verdicts: [], untold: 0 };
  if (theirs.root === undefined || ours.root === undefined) return { ...none, settled: true };

  let further = nextStep([
    { level: 0, index: 0, own: fromBase64(ours.root), partner: fromBase64(theirs.root) },
  ]);
  while ('nodes' in further) {
    const pairs = [];
    for (const part of parts(further.nodes, MAX_NODES)) {
      const [own, partner] = [
        await a.ask({ ask: 'nodes', nodes: part }),
        await b.ask({ ask: 'nodes', nodes: part }),
      ];
      watch('a', own);
      watch('b', partner);
      for (const [position, [level, index]] of part.entries())
        pairs.push({
          level,
          index,
          own: fromBase64(own.nodes[position] ?? ''),
          partner: fromBase64(partner.nodes[position] ?? ''),
        });
    }
    further = nextStep(pairs);
  }

  const differences: Difference[] = [];
  let untold = 0;
  for (const part of parts(further.buckets, MAX_BUCKETS)) {
    const own = await a.ask({ ask: 'leaves', buckets: part });
    const buckets = part.map((index, position) => ({ index, leaves: own.buckets[position] ?? [] }));
    const found = await b.ask({ ask: 'against', nonce, buckets, most: MAX_DETAILS - differences.length });
    const paths = found.details.map(({ path }) => path);
    const details = await a.ask({ ask: 'details', nonce, paths });
    watch('a', own);
    watch('a', details);
    watch('b', found);
    untold += found.differing.length - found.details.length;
    for (const [position, record] of found.details.entries())
      differences.push(difference(details.details[position] as RecordFacts, record, ours, theirs, catalog));
  }
  const verdicts = classifyAll(differences, ours, theirs);
  return { ...none, differences, verdicts, untold, settled: still.a && still.b };
}

export function difference(
  a: RecordFacts,
  b: RecordFacts,
  ours: Opening,
  theirs: Opening,
  catalog: CompareOptions['catalog'],
): Difference {
  return { a, b, sameKind: sameKind(a.path, ours, theirs, catalog) };
}

/** `kinds` are told only where they are others than those of the catalog here. */
function sameKind(path: string, ours: Opening, theirs: Opening, catalog: CompareOptions['catalog']): boolean {
  if (ours.schemaDigest === theirs.schemaDigest) return true;
  let name: string;
  try {
    name = catalog.kindOf(path).name;
  } catch {
    return false; // only the other side knows such a kind
  }
  const of = ({ kinds }: Opening): string | undefined => (kinds ?? catalog.kindDigests)[name];
  return of(ours) === of(theirs);
}

function fromBase64(text: string): Buffer {
  return Buffer.from(text, 'base64');
}

function* parts<Item>(items: Item[], size: number): Iterable<Item[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}
