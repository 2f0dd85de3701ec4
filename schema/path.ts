import { LockstepError } from './error.ts';
import { isObject, RESERVED_KEYS } from './json.ts';
import { ID_ALPHABET, type Kind, schemaAt } from './kind.ts';

/** What a path typed by a person or a program points at. */
export type Target =
  | { type: 'group'; path: string }
  | { type: 'record'; path: string; kind: Kind }
  | { type: 'field'; path: string; kind: Kind; field: string[] };

/** One step of the tree of all path templates. */
export interface PathNode {
  literals: Map<string, PathNode>;
  id: PathNode | undefined;
  kind: Kind | undefined;
}

export function emptyNode(): PathNode {
  return { literals: new Map(), id: undefined, kind: undefined };
}

/** Adds `kind` to the tree; false when another kind has its place. */
export function addKind(root: PathNode, kind: Kind): boolean {
  let node = root;
  for (const segment of kind.template) node = childFor(node, segment);
  if (node.kind !== undefined) return false;
  node.kind = kind;
  return true;
}

function childFor(node: PathNode, segment: string): PathNode {
  if (segment === '{id}') {
    node.id ??= emptyNode();
    return node.id;
  }
  const child = node.literals.get(segment) ?? emptyNode();
  node.literals.set(segment, child);
  return child;
}

/**
 * Resolve `text` (`''`, `ha`, `ha/virtualId`, `virtualServices`, `virtualServices/tcp:10.0.0.1:443/enable` …).
 * A literal wins over an id (`users/bal` is a kind of its own).
 * Throws `unknown-path` (with the nearest name) and `bad-id`.
 */
export function resolvePath(root: PathNode, text: string): Target {
  const segments = text.split('/');
  if (segments.at(-1) === '') segments.pop();
  if (segments[0] === '') segments.shift();
  let node = root;
  for (let index = 0; index < segments.length; index++) {
    const segment = segments[index] as string;
    const literal = node.literals.get(segment);
    const next = literal ?? node.id;
    if (next === undefined) {
      if (node.kind !== undefined) return fieldTarget(node.kind, segments, index, [...node.literals.keys()]);
      throw unknownPath(segments, index, [...node.literals.keys()]);
    }
    if (literal === undefined) checkId(next.kind, segment, segments, index);
    node = next;
  }
  const path = segments.join('/');
  return node.kind === undefined ? { type: 'group', path } : { type: 'record', path, kind: node.kind };
}

/** `collections`: what else lives in the record, for a typo in its name. */
function fieldTarget(kind: Kind, segments: string[], index: number, collections: string[]): Target {
  const field = segments.slice(index);
  const wrong = field.findIndex((_name, at) => schemaAt(kind.schema, field.slice(0, at + 1)) === undefined);
  if (wrong !== -1) {
    const properties = schemaAt(kind.schema, field.slice(0, wrong))?.properties;
    const known = isObject(properties) ? Object.keys(properties) : [];
    throw unknownPath(segments, index + wrong, wrong === 0 ? [...known, ...collections] : known);
  }
  return { type: 'field', path: segments.slice(0, index).join('/'), kind, field };
}

export function isId(kind: Kind | undefined, id: string): boolean {
  const reserved = id === '.' || id === '..' || RESERVED_KEYS.has(id);
  return !reserved && ID_ALPHABET.test(id) && (kind?.id?.pattern.test(id) ?? true);
}

/** `index`: where the id stands in `segments`. */
function checkId(kind: Kind | undefined, id: string, segments: string[], index: number): void {
  if (isId(kind, id)) return;
  const parents = segments.slice(0, index);
  const example = kind?.id?.examples[0];
  throw new LockstepError(
    'bad-id',
    `${JSON.stringify(id)} is not an id that ${parents.join('/')} can have.`,
    {
      hint: [kind?.id?.description, example === undefined ? undefined : `For example: ${example}`]
        .filter(Boolean)
        .join(' '),
      facts: { id, collection: parents.join('/') },
    },
  );
}

function unknownPath(segments: string[], index: number, known: string[]): LockstepError {
  const name = segments[index] ?? '';
  const where = segments.slice(0, index).join('/');
  return new LockstepError(
    'unknown-path',
    `There is no ${JSON.stringify(name)} ${where === '' ? 'in the configuration' : `in ${where}`}.`,
    {
      hint: suggest(name, known),
      facts: { path: segments.join('/') },
    },
  );
}

/** The known name that `name` is probably a slip of. */
export function nearest(name: string, known: string[]): string | undefined {
  let most = Math.max(2, name.length / 3);
  let near: string | undefined;
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) > most) continue;
    const slips = distance(name.toLowerCase(), candidate.toLowerCase());
    if (slips > most || (near !== undefined && slips === most)) continue;
    [near, most] = [candidate, slips];
  }
  return near;
}

/** Letters added, left out and changed on the way from one to the other (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const letter of one) {
    const above = row;
    row = [(above[0] ?? 0) + 1];
    for (let at = 0; at < other.length; at++)
      row.push(
        Math.min(
          (row[at] ?? 0) + 1,
          (above[at + 1] ?? 0) + 1,
          (above[at] ?? 0) + Number(letter !== other[at]),
        ),
      );
  }
  return row.at(-1) ?? 0;
}

/** "Did you mean …?" for a name that is close to a known one; otherwise the known names, if they are few. */
export function suggest(name: string, known: string[]): string | undefined {
  if (known.length === 0) return undefined;
  const meant = nearest(name, known) ?? beginningWith(name, known);
  if (meant !== undefined) return `Did you mean "${meant}"?`;
  return known.length <= 30 ? `Known here: ${[...known].sort().join(', ')}.` : undefined;
}

/** `password` for `passwordHash`. */
function beginningWith(name: string, known: string[]): string | undefined {
  const [only, ...more] = known.filter(each => each.toLowerCase().startsWith(name.toLowerCase()));
  return name.length >= 4 && more.length === 0 ? only : undefined;
}

/**
 * The record above: `virtualServices/X` for `virtualServices/X/realServers/Y`; undefined where none is needed:
 * at the top, and in a group such as `geo`, which is no record.
 */
export function parentPath(kind: Kind, path: string): string | undefined {
  const above = kind.template.slice(0, -1).lastIndexOf('{id}');
  return above === -1
    ? undefined
    : path
        .split('/')
        .slice(0, above + 1)
        .join('/');
}

export function idOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The step of the tree at `path`, which has been resolved before. */
export function nodeAt(root: PathNode, path: string): PathNode {
  let node = root;
  for (const segment of path === '' ? [] : path.split('/'))
    node = (node.literals.get(segment) ?? node.id) as PathNode;
  return node;
}
