import type { LeftOut } from '../../loadmaster/import.ts';
import type { Catalog } from '../../schema/catalog.ts';
import type { Problem } from '../../schema/error.ts';
import type { Json, JsonObject } from '../../schema/json.ts';
import { MASK } from '../../schema/record.ts';
import { linksOf } from '../../store/links.ts';
import type { ProblemsOf } from '../../store/requests.ts';
import type { Change } from '../../store/transition.ts';
import type { RecordReader } from '../../store/view.ts';

type Put = Extract<Change, { op: 'put' }>;

/** Each round leaves something out; what is wrong then can only follow from that. */
const MAX_ROUNDS = 20;

/**
 * The changes of an import without what the configuration here does not take: references to what is not there, and what a rule
 * refuses. A field stays out alone where that is enough, else its record with all below it; each is named in `leftOut`.
 */
export async function fittingChanges(
  catalog: Catalog,
  records: RecordReader,
  puts: Put[],
  problemsOf: ProblemsOf,
  leftOut: LeftOut[],
): Promise<Put[]> {
  const kept = new Map(puts.map(put => [put.path, put]));
  const fitting = new Fitting(catalog, records, kept, leftOut);
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const problems = await problemsOf([...kept.values()]);
    let progress = false;
    for (const problem of problems) progress = (await fitting.leave(problem)) || progress;
    if (!progress) break;
  }
  return [...kept.values()];
}

class Fitting {
  private readonly catalog: Catalog;
  private readonly records: RecordReader;
  private readonly kept: Map<string, Put>;
  private readonly leftOut: LeftOut[];

  constructor(catalog: Catalog, records: RecordReader, kept: Map<string, Put>, leftOut: LeftOut[]) {
    this.catalog = catalog;
    this.records = records;
    this.kept = kept;
    this.leftOut = leftOut;
  }

  /** Whether something was left out because of `problem`, now or in the same round. */
  async leave({ path: place, code, message }: Problem): Promise<boolean> {
    const path = this.recordAt(place);
    if (path === undefined) return this.isGone(place);
    const put = this.kept.get(path) as Put;
    const [field = ''] = place.slice(path.length + 1).split('/');
    const said = put.value[field];
    if (said === undefined || this.isNeeded(path, field)) return this.leaveRecord(path, message);
    const wrong = code === 'dangling-reference' ? await this.dangling(path, put.value, field) : [];
    if (Array.isArray(said) && wrong.length > 0 && wrong.length < said.length) {
      const rest = said.filter(item => !wrong.includes(item));
      this.kept.set(path, { ...put, value: { ...put.value, [field]: rest } });
      for (const item of wrong) this.note(path, field, item, message);
      return true;
    }
    const { [field]: _left, ...value } = put.value;
    this.kept.set(path, { ...put, value });
    this.note(path, field, said, message);
    return true;
  }

  private recordAt(place: string): string | undefined {
    for (let path = place; path !== ''; path = path.slice(0, Math.max(0, path.lastIndexOf('/'))))
      if (this.kept.has(path)) return path;
    return undefined;
  }

  /** Its record went with another one in this round. */
  private isGone(place: string): boolean {
    return this.leftOut.some(({ source }) => place === source || place.startsWith(`${source}/`));
  }

  private leaveRecord(path: string, reason: string): boolean {
    for (const each of [...this.kept.keys()])
      if (each === path || each.startsWith(`${path}/`)) {
        this.kept.delete(each);
        const why = each === path ? reason : `${path}, which it belongs to, stayed out`;
        this.leftOut.push({
          source: each,
          parameter: this.catalog.kindOf(each).title,
          value: each,
          reason: why,
        });
      }
    return true;
  }

  private isNeeded(path: string, field: string): boolean {
    const { schema, id } = this.catalog.kindOf(path);
    const required = Array.isArray(schema.required) ? schema.required : [];
    return required.includes(field) || id?.fields.some(({ name }) => name === field) === true;
  }

  /** What the field names and is neither here nor in the captures. */
  private async dangling(path: string, value: JsonObject, field: string): Promise<Json[]> {
    const links = linksOf(this.catalog.kindOf(path), value).filter(link => link.field === field);
    const wrong: Json[] = [];
    for (const { value: name, targets } of links) {
      const found = await Promise.all(
        targets.map(async each => this.kept.has(each) || (await this.records.get(each)) !== undefined),
      );
      if (!found.includes(true)) wrong.push(name);
    }
    return wrong;
  }

  private note(path: string, field: string, value: Json, reason: string): void {
    const isSecret = this.catalog.kindOf(path).secrets.some(([name]) => name === field);
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    this.leftOut.push({ source: path, parameter: field, value: isSecret ? MASK : text, reason });
  }
}
