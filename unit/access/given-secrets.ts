/** Secrets as they come in: passwords become hashes, and what others could read on the command line is refused. */
import type { Catalog } from '../../schema/catalog.ts';
import type { ConfigRecord } from '../../schema/document.ts';
import { LockstepError } from '../../schema/error.ts';
import { isObject, type Json, type JsonObject } from '../../schema/json.ts';
import { valueAt } from '../../schema/record.ts';
import type { Change } from '../../store/transition.ts';
import { type PasswordRules, withHashes } from './password.ts';

type Read = (path: string) => Promise<JsonObject | undefined>;

/** Throws `secret-in-arguments`. */
export async function takeIn(
  { catalog, read }: { catalog: Catalog; read: Read },
  change: Change,
  from: 'argument' | 'input' | undefined,
): Promise<Change> {
  if (change.op !== 'put' && change.op !== 'set') return change;
  const kind = catalog.kindOf(change.path);
  const given = change.op === 'set' ? withPlace(change.field, change.value) : change.value;
  const touched = kind.secrets.filter(secret => touches(given, secret));
  if (touched.length > 0 && from === 'argument') throw secretInArguments(change, touched);
  if (touched.length === 0 || !isObject(given)) return change;
  const hashed = await withHashes(kind, change.path, given, await passwordRules(read));
  return change.op === 'put'
    ? { ...change, value: hashed }
    : { ...change, value: valueAt(hashed, change.field) as Json };
}

/** Passwords of a document become hashes. */
export async function hashedRecords(
  { catalog, read }: { catalog: Catalog; read: Read },
  records: ConfigRecord[],
): Promise<ConfigRecord[]> {
  const rules = await passwordRules(read);
  const hashed: ConfigRecord[] = [];
  for (const { path, value } of records) {
    const held = (): Promise<JsonObject | undefined> => read(path);
    hashed.push({ path, value: await withHashes(catalog.kindOf(path), path, value, { ...rules, held }) });
  }
  return hashed;
}

async function passwordRules(read: Read): Promise<PasswordRules> {
  const { minPassword } = (await read('access')) ?? {};
  return { minPassword };
}

function withPlace(field: string[], value: Json): Json {
  return field.reduceRight<Json>((inner, name) => ({ [name]: inner }), value);
}

function touches(value: Json | undefined, [name, ...rest]: string[]): boolean {
  if (name === undefined) return value !== undefined;
  if (Array.isArray(value)) return value.some(item => touches(item, rest));
  if (!isObject(value)) return false;
  return name === '*'
    ? Object.values(value).some(item => touches(item, rest))
    : Object.hasOwn(value, name) && touches(value[name], rest);
}

function secretInArguments({ path }: Change, [secret = []]: string[][]): LockstepError {
  const place = secret.includes('*') ? 'PATH' : [path, ...secret].join('/');
  return new LockstepError(
    'secret-in-arguments',
    `A secret of ${path} was given on the command line, where others can read it; nothing was changed.`,
    {
      hint: `lockstep set ${place} asks for it, and --value-file FILE reads it. Choose another secret: this one has been seen.`,
    },
  );
}
