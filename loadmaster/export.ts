import { canonicalAddress } from '../schema/address.ts';
import type { ConfigRecord } from '../schema/document.ts';
import type { JsonObject } from '../schema/json.ts';
import { type Kind, readKind } from '../schema/kind.ts';
import { idOf } from '../schema/path.ts';
import { fieldsOf, toParameter } from './parameter.ts';

type ExportedParameters = Record<string, string | string[]>;

interface ExportedServer {
  id: string;
  parameters: ExportedParameters;
}

/** A Virtual Service in the appliance's names; its number there is its place in the list, counted from 1. */
interface ExportedService extends ExportedServer {
  realServers: ExportedServer[];
  subServices: ExportedService[];
}

interface LoadMasterExport {
  getall: ExportedParameters;
  services: ExportedService[];
}

/**
 * The inverse of importLoadMaster: the parameters of `records` by the appliance's names, spelled as in its v1 replies.
 * Records and fields that those replies do not have are passed over.
 */
export function exportLoadMaster(records: ConfigRecord[], kinds: JsonObject[]): LoadMasterExport {
  const exporter = new RecordExporter(kinds);
  const collections = collectionsOf(records);
  const numbers = new Map(
    [...collections.values()].flatMap(siblings => siblings.map(({ path }, at) => [path, at + 1])),
  );
  const parametersOf = ({ path, value }: ConfigRecord): ExportedParameters =>
    exporter.parameters(path, value, sibling => numbers.get(sibling) ?? 0);
  const all = (collection: string): ConfigRecord[] => collections.get(collection) ?? [];
  const services = (collection: string): ExportedService[] =>
    all(collection).map(record => ({
      id: idOf(record.path),
      parameters: parametersOf(record),
      realServers: all(`${record.path}/realServers`).map(server => ({
        id: idOf(server.path),
        parameters: parametersOf(server),
      })),
      subServices: services(`${record.path}/subVirtualServices`),
    }));
  const singletons = records.filter(({ path }) => exporter.isOfUnit(path));
  return {
    getall: Object.assign({}, ...singletons.map(parametersOf)),
    services: services('virtualServices'),
  };
}

/** Writes one record after the other in the appliance's names; each costs what it holds, however many there are. */
export class RecordExporter {
  private readonly kinds: Kind[];

  constructor(kinds: JsonObject[]) {
    this.kinds = kinds.map(schema => readKind(schema, String(schema.$id), false));
  }

  /** `numberOf`: the number that the appliance gives to the record at a path; 0 when there is none. */
  parameters(path: string, value: JsonObject, numberOf: (path: string) => number): ExportedParameters {
    const kind = this.kindAt(path);
    if (kind === undefined) return {};
    const isOfUnit = kind.schema.loadmaster === 'getall';
    const parameters: ExportedParameters = {};
    for (const field of fieldsOf(kind)) {
      const own = value[field.field];
      if (own === undefined) continue;
      parameters[field.parameter] =
        field.index === undefined
          ? toParameter(field, own, isOfUnit ? 'yesno' : 'YN')
          : String(numberOf(path.slice(0, path.lastIndexOf('/') + 1) + String(own)));
    }
    return kind.template.at(-2) === 'realServers' ? named(parameters) : parameters;
  }

  /** Whether `getall` tells of it. */
  isOfUnit(path: string): boolean {
    return this.kindAt(path)?.schema.loadmaster === 'getall';
  }

  private kindAt(path: string): Kind | undefined {
    const segments = path.split('/');
    const fits = ({ template }: Kind): boolean =>
      template.length === segments.length &&
      template.every((name, at) => name === '{id}' || name === segments[at]);
    const fitting = this.kinds.filter(fits);
    return fitting.find(({ template }) => !template.includes('{id}')) ?? fitting[0];
  }
}

/** Records by the path that they lie in: `virtualServices`, or '' for a singleton. */
function collectionsOf(records: ConfigRecord[]): Map<string, ConfigRecord[]> {
  const collections = new Map<string, ConfigRecord[]>();
  for (const record of records) {
    const collection = record.path.slice(0, Math.max(0, record.path.lastIndexOf('/')));
    const siblings = collections.get(collection);
    if (siblings === undefined) collections.set(collection, [record]);
    else siblings.push(record);
  }
  return collections;
}

/** The appliance keeps the name of a Real Server apart from its address. */
function named(parameters: ExportedParameters): ExportedParameters {
  const { Addr = '', ...rest } = parameters;
  return canonicalAddress(String(Addr)) === undefined ? { DnsName: Addr, ...rest } : { Addr, ...rest };
}
