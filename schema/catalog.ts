import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockstepError, type Problem } from './error.ts';
import { canonicalize, isObject, type JsonObject, parseDocument } from './json.ts';
import { badSchema, type Kind, readKind } from './kind.ts';
import {
  addKind,
  emptyNode,
  isId,
  nodeAt,
  type PathNode,
  parentPath,
  resolvePath,
  type Target,
} from './path.ts';
import { type Judged, withoutTightened } from './tightened.ts';
import { Validator } from './validate.ts';

/** The built-in schema files: beside this file, both in the sources and in the built package. */
const BUILT_IN = new URL('./kinds/', import.meta.url);

/** Ways to collections that are remembered; a large change goes through few at a time. */
const MAX_COLLECTIONS = 100;

export interface SchemaFile {
  file: string;
  schema: JsonObject;
}

/** All kinds that a unit knows: the built-in ones and those of the site. */
export class Catalog {
  readonly kinds: readonly Kind[];
  /** SHA-256 (hex) over all schemas; equal on both units of a pair (docs/DOMAIN.md, Promises). */
  readonly digest: string;
  /** The same for each kind alone, by name: units of different releases exchange what both describe alike. */
  readonly kindDigests: Readonly<Record<string, string>>;
  /** Places of the kinds whose records may have others below them. */
  private readonly parents: ReadonlySet<string | undefined>;
  private readonly root: PathNode = emptyNode();
  private readonly collections = new Map<string, PathNode>();
  private readonly validator: Validator;

  constructor(builtIn: SchemaFile[], site: SchemaFile[] = []) {
    const definitions = builtIn.filter(isDefinitions).map(({ schema }) => schema);
    const own = builtIn
      .filter(file => !isDefinitions(file))
      .map(({ schema, file }) => readKind(schema, file, false));
    const added = site.map(({ schema, file }) => readKind(schema, file, true));
    this.kinds = [...own, ...added];
    this.parents = new Set(this.kinds.map(kind => parentPath(kind, kind.template.join('/'))));
    this.validator = new Validator(definitions);
    for (const kind of own) this.place(kind, kind.name);
    for (const [index, kind] of added.entries()) this.addSiteKind(kind, site[index]?.file ?? kind.name, own);
    for (const [index, kind] of added.entries()) this.assertParent(kind, site[index]?.file ?? kind.name);
    const shared = definitions.map(definition => spelling(definition));
    const spelled = this.kinds.map(kind => [kind.name, spelling(kind.schema, kind.site)] as const);
    this.digest = digestOf([...shared, ...spelled.map(([, text]) => text)]);
    this.kindDigests = Object.fromEntries(spelled.map(([name, text]) => [name, digestOf([...shared, text])]));
  }

  /** Throws `unknown-path`, `bad-id`. */
  resolve(path: string): Target {
    return resolvePath(this.root, path);
  }

  /**
   * The kind of the record at `path`. Throws `unknown-path` when it is no record path. Large work asks record by record, in
   * the order of their paths, so the way to the collections that were last asked for is remembered.
   */
  kindOf(path: string): Kind {
    const end = path.lastIndexOf('/');
    const collection = end > 0 ? this.collections.get(path.slice(0, end)) : undefined;
    const id = path.slice(end + 1);
    if (collection?.id?.kind && !collection.literals.has(id) && isId(collection.id.kind, id))
      return collection.id.kind;
    const target = this.resolve(path);
    if (target.type === 'record' && target.path === path) {
      if (this.collections.size >= MAX_COLLECTIONS) this.collections.clear();
      if (end > 0) this.collections.set(path.slice(0, end), nodeAt(this.root, path.slice(0, end)));
      return target.kind;
    }
    throw new LockstepError('unknown-path', `"${path}" is not the path of one record.`, { facts: { path } });
  }

  /** Whether a record of `kind` may have others below it. */
  isParent(kind: Kind): boolean {
    return this.parents.has(kind.template.join('/'));
  }

  kindNamed(name: string): Kind | undefined {
    return this.kinds.find(kind => kind.name === name);
  }

  /** Empty when `value` is a valid record; see Judged. */
  problems(kind: Kind, path: string, value: JsonObject, judged: Judged = 'new'): Problem[] {
    return this.validator.problems(kind, path, value, judged);
  }

  get tree(): PathNode {
    return this.root;
  }

  private place(kind: Kind, file: string): void {
    if (!addKind(this.root, kind))
      throw badSchema(file, `another kind has the place ${kind.template.join('/')}`);
  }

  private addSiteKind(kind: Kind, file: string, own: Kind[]): void {
    const top = kind.template[0];
    if (own.some(known => known.template[0] === top))
      throw badSchema(file, `"${top}" belongs to a built-in kind, which cannot be changed or extended`);
    const earlier = this.kinds.slice(0, this.kinds.indexOf(kind));
    if (earlier.some(known => known.name === kind.name))
      throw badSchema(file, `the name "${kind.name}" is taken`);
    this.place(kind, file);
    this.validator.compile(kind, file);
  }

  /** A record below another one needs a kind for that one, or it could never be added. */
  private assertParent(kind: Kind, file: string): void {
    const above = parentPath(kind, kind.template.join('/'));
    if (above !== undefined && !this.kinds.some(known => known.template.join('/') === above))
      throw badSchema(file, `no kind has the place ${above}, which its records lie below`);
  }
}

/** The catalog of a unit; `siteFolder` (`<dir>/schema.d`) need not exist. Throws `bad-schema`. */
export function loadCatalog(siteFolder?: string): Catalog {
  return new Catalog(builtInSchemas(), siteFolder === undefined ? [] : readSchemas(siteFolder));
}

let builtIn: SchemaFile[] | undefined;

export function builtInSchemas(): SchemaFile[] {
  builtIn ??= readdirSync(BUILT_IN)
    .filter(file => file.endsWith('.json'))
    .sort()
    .map(file => ({ file, schema: JSON.parse(readFileSync(new URL(file, BUILT_IN), 'utf8')) as JsonObject }));
  return builtIn;
}

function readSchemas(folder: string): SchemaFile[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter(file => file.endsWith('.json'))
    .sort()
    .map(file => {
      const schema = parseDocument(readText(join(folder, file)), join(folder, file));
      if (!isObject(schema)) throw badSchema(file, 'it is not a JSON object');
      return { file: join(folder, file), schema };
    });
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw badSchema(file, `it cannot be read: ${(error as Error).message}`);
  }
}

function isDefinitions({ schema }: SchemaFile): boolean {
  return schema.recordPath === undefined && isObject(schema.$defs);
}

/** Sorted by `$id`: the names of the files do not matter. */
function digestOf(spellings: string[]): string {
  const hash = createHash('sha256');
  for (const text of spellings.sort()) hash.update(text);
  return hash.digest('hex');
}

function spelling(schema: JsonObject, site = false): string {
  const known = spellings.get(schema);
  if (known !== undefined) return known;
  const said = schema.recordPath === undefined ? schema : exchanged(schema, site);
  const text = `${String(schema.$id)}\n${canonicalize(withoutTightened(said))}\n`;
  spellings.set(schema, text);
  return text;
}

/** Kinds of release 0.1.0 whose digests count that they are for admins: a unit of that release takes no others. */
const COUNTED = new Set(
  ['authentication', 'backupSchedule', 'bal', 'email', 'operator', 'unitOperator', 'user'].map(
    name => `urn:lockstep:kind:${name}`,
  ),
);

/**
 * What a schema says of the records that units exchange. Who may change them is a rule of each unit, so a kind is not held
 * back because the partner has another one; but see COUNTED, and the kinds of a site, which were counted as well.
 */
function exchanged({ changedBy, ...schema }: JsonObject, site: boolean): JsonObject {
  const counts = changedBy === 'admin' && (site || COUNTED.has(String(schema.$id)));
  const properties = Object.entries(isObject(schema.properties) ? schema.properties : {});
  return {
    ...schema,
    properties: Object.fromEntries(
      properties.map(([field, property]) => {
        if (!isObject(property)) return [field, property];
        const { changedBy: _role, ...rest } = property;
        return [field, rest];
      }),
    ),
    ...(counts ? { changedBy } : {}),
  };
}

const spellings = new WeakMap<JsonObject, string>();
