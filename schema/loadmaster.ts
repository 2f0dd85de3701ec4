import type { ConfigRecord } from './document.ts';
import { canonicalize, type JsonObject } from './json.ts';
import { type Kind, readKind } from './kind.ts';
import { badCapture, type Parameters, readCapture } from './loadmaster-capture.ts';
import { fieldsOf, fromParameter } from './loadmaster-parameter.ts';
import { type IndexLookup, type Leave, readFields, reportRest } from './loadmaster-read.ts';
import { joinServices, type Server, type Service, serverName } from './loadmaster-service.ts';
import { idFrom, valueAt } from './record.ts';

export { exportLoadMaster, type LoadMasterExport } from './loadmaster-export.ts';

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

/**
 * The records that captures of one unit make, and a list of what did not become one. Nothing is dropped silently but
 * parameters without a value. `kinds` are the schema files of the kinds; their `loadmaster` annotations say what goes where.
 * Throws `bad-capture` when a file is none, or when two of them contradict each other.
 */
export function importLoadMaster(
  files: { name: string; text: string }[],
  kinds: JsonObject[],
): LoadMasterImport {
  const captures = files.map(({ name, text }) => readCapture(name, text));
  const importer = new Importer(kinds.map(schema => readKind(schema, String(schema.$id), false)));
  for (const capture of captures)
    if (capture.type === 'getall') importer.takeUnit(capture.file, capture.parameters);
  importer.takeServices(joinServices(captures, importer.leave));
  return importer.result();
}

class Importer {
  private readonly records = new Map<string, JsonObject>();
  private readonly leftOut: LeftOut[] = [];
  private readonly kinds: Map<string, Kind>;
  private serviceIds = new Map<string, string>();

  constructor(kinds: Kind[]) {
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
      if (Object.keys(value).length > 0) this.add(file, path, value);
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
        this.leave(service.file, 'VS', service.index, 'it has no address, port or protocol');
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
    this.add(
      service.file,
      path,
      readFields(this.kindAt(template), rest, source, this.leave, this.lookup(service)),
    );
    reportRest(rest, type, source, this.leave);
    for (const server of service.servers) this.takeServer(server, service, source, template, path);
    for (const sub of service.subServices)
      this.takeService(sub, SUB_VS, this.freePath(`${path}/subVirtualServices/${subId(sub)}`));
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
    if (id === undefined) this.leave(from, 'Rs', serverName(server.parameters), 'it has no address or port');
    else {
      this.reportAddress(server.parameters, rest, from);
      this.add(
        server.file,
        `${parent}/realServers/${id}`,
        readFields(kind, rest, from, this.leave, this.lookup(service)),
      );
      reportRest(rest, 'server', from, this.leave);
    }
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
    return idFrom(kind, Object.fromEntries(spelled) as JsonObject);
  }

  private add(file: string, path: string, value: JsonObject): void {
    const known = this.records.get(path);
    if (known !== undefined && canonicalize(known) !== canonicalize(value)) {
      const hint = 'Give the captures of one unit, each reply once.';
      throw badCapture(file, `it describes ${path}, which another capture describes differently`, hint);
    }
    this.records.set(path, value);
  }

  private freePath(path: string): string {
    let free = path;
    for (let number = 2; this.records.has(free); number++) free = `${path}-${number}`;
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

/** A Sub-Virtual Service is named by its nickname, in the letters that an id may have. */
function subId({ parameters, index }: Service): string {
  const name = String(parameters.get('NickName') || parameters.get('Name') || `sub-${index}`);
  return name.replaceAll(/[^A-Za-z0-9._-]+/g, '-').slice(0, 60);
}
