import type { ConfigRecord } from '../schema/document.ts';
import type { Problem } from '../schema/error.ts';
import { isSameJson, type Json, type JsonObject } from '../schema/json.ts';
import { type Kind, readKind } from '../schema/kind.ts';
import { isId } from '../schema/path.ts';
import { idFrom, MASK, valueAt } from '../schema/record.ts';
import { Validator } from '../schema/validate.ts';
import { type Parameters, readCapture } from './capture.ts';
import { fieldsOf, fromParameter } from './parameter.ts';
import { type IndexLookup, type Leave, readFields, reportRest } from './read.ts';
import { joinServices, leaveService, type Server, type Service, serverName } from './service.ts';

/** A parameter of a capture that did not become part of a record, and why. */
export interface LeftOut {
  /** File, and the object in it: `listvs.xml, Virtual Service 3`. */
  source: string;
  parameter: string;
  value: string;
  reason: string;
}

export interface LoadMasterImport {
  records: ConfigRecord[];
  leftOut: LeftOut[];
  /** Paths of records that the imported ones refer to, but that no capture holds: interfaces, certificates, rules. */
  needs: string[];
}

const VS = 'virtualServices/{id}';
const SUB_VS = `${VS}/subVirtualServices/{id}`;

/** What is wrong with a record of a kind, as somebody writes it now. */
type ProblemsOf = (kind: Kind, path: string, value: JsonObject) => Problem[];

/**
 * The records that captures of one unit make, and a list of what did not become one. Nothing is dropped silently but
 * parameters without a value. `kinds` are the schema files of the kinds; their `loadmaster` annotations say what goes where. A value that the
 * schema does not take stays out alone. Throws `bad-capture` when a file is none, or when two of them hold one Virtual Service.
 */
export function importLoadMaster(
  files: { name: string; text: string }[],
  kinds: JsonObject[],
  problemsOf: ProblemsOf = validating(),
): LoadMasterImport {
  const captures = files.map(({ name, text }) => readCapture(name, text));
  const importer = new Importer(
    kinds.map(schema => readKind(schema, String(schema.$id), false)),
    problemsOf,
  );
  for (const capture of captures)
    if (capture.type === 'getall') importer.takeUnit(capture.file, capture.parameters);
  importer.takeServices(joinServices(captures, importer.leave));
  return importer.result();
}

function validating(): ProblemsOf {
  const validator = new Validator([]);
  return (kind, path, value) => validator.problems(kind, path, value);
}

class Importer {
  private readonly records = new Map<string, JsonObject>();
  private readonly leftOut: LeftOut[] = [];
  private readonly kinds: Map<string, Kind>;
  private readonly problemsOf: ProblemsOf;
  private serviceIds = new Map<string, string>();

  constructor(kinds: Kind[], problemsOf: ProblemsOf) {
    this.problemsOf = problemsOf;
    this.kinds = new Map(kinds.map(kind => [kind.template.join('/'), kind]));
  }

  leave: Leave = (source, parameter, value, reason) =>
    void this.leftOut.push({ source, parameter, value, reason });

  result(): LoadMasterImport {
    const records = [...this.records].map(([path, value]) => ({ path, value }));
    return { records, leftOut: this.leftOut, needs: this.needs() };
  }

  takeUnit(file: string, parameters: Parameters): void {
    const rest = new Map(parameters);
    for (const [path, kind] of this.kinds) {
      if (kind.schema.loadmaster !== 'getall') continue;
      const value = readFields(kind, rest, file, this.leave);
      if (Object.keys(value).length > 0) this.add(file, kind, path, value);
    }
    reportRest(rest, 'getall', file, this.leave);
  }

  takeServices(services: Service[]): void {
    const named = services.map(service => ({ service, id: this.identity(VS, service.parameters) }));
    this.serviceIds = new Map(
      named.flatMap(({ service, id }) => (id === undefined ? [] : [[service.index, id]])),
    );
    for (const { service, id } of named) {
      if (id === undefined)
        leaveService(
          service,
          'it has no address, port or protocol that a Virtual Service can have',
          this.leave,
        );
      else this.takeService(service, VS, `virtualServices/${id}`);
    }
  }

  private takeService(service: Service, template: string, path: string): void {
    const [name, type] =
      template === VS
        ? (['Virtual Service', 'service'] as const)
        : (['Sub-Virtual Service', 'subService'] as const);
    const source = `${service.file}, ${name} ${service.index}`;
    const rest = new Map(service.parameters);
    const kind = this.kindAt(template);
    const value = readFields(kind, rest, source, this.leave, this.lookup(service));
    if (!this.add(source, kind, path, value)) {
      leaveService(service, `its record would be ${path}, which it does not fit`, this.leave);
      return;
    }
    reportRest(rest, type, source, this.leave);
    for (const server of service.servers) this.takeServer(server, service, source, template, path);
    for (const sub of inOrder(service.subServices))
      this.takeService(sub, SUB_VS, this.freePath(`${path}/subVirtualServices/${subId(sub)}`, sub.index));
  }

  private takeServer(
    server: Server,
    service: Service,
    source: string,
    template: string,
    parent: string,
  ): void {
    const from = `${server.file === service.file ? source : server.file}, Real Server ${String(server.parameters.get('RsIndex') ?? '')}`;
    const kind = this.kindAt(`${template}/realServers/{id}`);
    const rest = byName(server.parameters);
    const id = this.identity(`${template}/realServers/{id}`, rest);
    if (id === undefined) {
      const reason = 'it has no address or port that a Real Server can have';
      this.leave(from, 'Rs', serverName(server.parameters), reason);
      return;
    }
    this.reportAddress(server.parameters, rest, from);
    const path = `${parent}/realServers/${id}`;
    const value = readFields(kind, rest, from, this.leave, this.lookup(service));
    if (this.add(from, kind, path, value)) reportRest(rest, 'server', from, this.leave);
    else
      this.leave(
        from,
        'Rs',
        serverName(server.parameters),
        `its record would be ${path}, which it does not fit`,
      );
  }

  private reportAddress(shown: Parameters, kept: Parameters, source: string): void {
    const address = String(shown.get('Addr') ?? '');
    if (address !== '' && address !== kept.get('Addr'))
      this.leave(source, 'Addr', address, 'the address that its name stood for');
  }

  private lookup(service: Service): IndexLookup {
    return (type, index) => {
      if (type === 'VS') return this.serviceIds.get(index);
      const found = service.servers.find(({ parameters }) => parameters.get('RsIndex') === index);
      return found && this.identity(`${VS}/realServers/{id}`, byName(found.parameters));
    };
  }

  /** The id that the parameters spell out; undefined when one of those is missing. */
  private identity(template: string, parameters: Parameters): string | undefined {
    const kind = this.kindAt(template);
    const fields = fieldsOf(kind).filter(({ field }) => kind.id?.from?.includes(`{${field}}`));
    const spelled = fields.map(
      field => [field.field, fromParameter(field, parameters.get(field.parameter) || [])] as const,
    );
    if (spelled.some(([, value]) => value === undefined)) return undefined;
    const id = idFrom(kind, Object.fromEntries(spelled) as JsonObject);
    return id !== undefined && isId(kind, id) ? id : undefined;
  }

  /** False: no record can be made of it. What another capture says otherwise, and what the schema does not take, is named. */
  private add(source: string, kind: Kind, path: string, read: JsonObject): boolean {
    const value = this.fitting(source, kind, path, read);
    if (value === undefined) return false;
    const known = this.records.get(path);
    if (known === undefined) {
      this.records.set(path, value);
      return true;
    }
    for (const [field, said] of Object.entries(value)) {
      if (known[field] === undefined) known[field] = said;
      else if (!isSameJson(known[field], said))
        this.leaveField(source, kind, field, said, `another part of the captures says otherwise of ${path}`);
    }
    return true;
  }

  /** The value without what the schema does not take; undefined when nothing of it can be taken. */
  private fitting(source: string, kind: Kind, path: string, read: JsonObject): JsonObject | undefined {
    let value = read;
    for (;;) {
      const [problem] = this.problemsOf(kind, path, value);
      if (problem === undefined) return value;
      const [field = '', item] = problem.path.slice(path.length + 1).split('/');
      const said = value[field];
      if (said === undefined || isNeeded(kind, field)) return undefined;
      const wrong = Array.isArray(said) && item !== undefined ? said[Number(item)] : undefined;
      const { [field]: _left, ...rest } = value;
      value =
        Array.isArray(said) && wrong !== undefined
          ? { ...value, [field]: said.toSpliced(Number(item), 1) }
          : rest;
      this.leaveField(source, kind, field, wrong ?? said, problem.message);
    }
  }

  private leaveField(source: string, kind: Kind, field: string, value: Json, reason: string): void {
    const parameter = fieldsOf(kind).find(each => each.field === field)?.parameter ?? field;
    const isSecret = kind.secrets.some(([name]) => name === field);
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    this.leave(source, parameter, isSecret ? MASK : text, reason);
  }

  /** Two of one name are told apart by the number that the appliance gave the later one. */
  private freePath(path: string, index: string): string {
    let free = path;
    for (let number = 2; this.records.has(free); number++)
      free = number === 2 && index !== '' ? `${path}-${index}` : `${path}-${number}`;
    return free;
  }

  private kindAt(template: string): Kind {
    const kind = this.kinds.get(template);
    if (kind === undefined) throw new Error(`no kind has the place ${template}`);
    return kind;
  }

  private needs(): string[] {
    const needed = [...this.records].flatMap(([path, value]) =>
      referencesOf(this.kinds.get(templateOf(path)), value),
    );
    return [...new Set(needed)].filter(path => !this.records.has(path)).sort();
  }
}

function referencesOf(kind: Kind | undefined, value: JsonObject): string[] {
  return (kind?.references ?? []).flatMap(({ field, targets }) => {
    const found = valueAt(value, field.at(-1) === '*' ? field.slice(0, -1) : field);
    const ids = Array.isArray(found) ? found : found === undefined ? [] : [found];
    return ids.map(id => `${targets[0]}/${String(id)}`);
  });
}

/** Captures make singletons, and Virtual Services with what is below them. */
function templateOf(path: string): string {
  return path.startsWith('virtualServices/')
    ? path.replaceAll(/(virtualServices|subVirtualServices|realServers)\/[^/]+/g, '$1/{id}')
    : path;
}

/** A Real Server that has a name is known by it. */
function byName(parameters: Parameters): Parameters {
  const { DnsName, ...rest } = Object.fromEntries(parameters);
  return new Map(Object.entries(DnsName ? { ...rest, Addr: DnsName } : rest));
}

/** A record cannot be without it. */
function isNeeded({ schema, id }: Kind, field: string): boolean {
  const required = Array.isArray(schema.required) ? schema.required : [];
  return required.includes(field) || id?.fields.some(({ name }) => name === field) === true;
}

/** In the order of their numbers, whatever order a reply has them in. */
function inOrder(services: Service[]): Service[] {
  return [...services].sort((a, b) => Number(a.index) - Number(b.index) || 0);
}

/**
 * A Sub-Virtual Service is named by its nickname, in the letters that an id may have. One without a name is named by the number that
 * the appliance gave it, or by its place: both stay what they are when the captures are made again.
 */
function subId({ parameters, index }: Service): string {
  const name = String(parameters.get('NickName') || parameters.get('Name') || '');
  const id = name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 50);
  if (/[A-Za-z0-9]/.test(id)) return isId(undefined, id) ? id : `sub-${id}`;
  const number = index || String(parameters.get('RsIndex') ?? '');
  return /^[A-Za-z0-9]{1,20}$/.test(number) ? `sub-${number}` : 'sub';
}
