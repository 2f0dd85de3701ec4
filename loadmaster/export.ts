import { canonicalAddress } from '../schema/address.ts';
import type { ConfigRecord } from '../schema/document.ts';
import type { JsonObject } from '../schema/json.ts';
import { type Kind, readKind } from '../schema/kind.ts';
import { type Booleans, fieldsOf, toParameter } from './parameter.ts';

export type ExportedParameters = Record<string, string | string[]>;

export interface ExportedServer {
  id: string;
  parameters: ExportedParameters;
}

/** A Virtual Service in the appliance's names; its number there is its place in the list, counted from 1. */
export interface ExportedService extends ExportedServer {
  realServers: ExportedServer[];
  subServices: ExportedService[];
}

export interface LoadMasterExport {
  getall: ExportedParameters;
  services: ExportedService[];
}

/**
 * The inverse of importLoadMaster: the parameters of `records` by the appliance's names, spelled as in its v1 replies.
 * Records and fields that those replies do not have are passed over.
 */
export function exportLoadMaster(records: ConfigRecord[], kinds: JsonObject[]): LoadMasterExport {
  const exporter = new Exporter(records, kinds);
  return { getall: exporter.unit(), services: exporter.services('virtualServices', 'virtualServices/{id}') };
}

class Exporter {
  private readonly kinds: Map<string, Kind>;
  /** Records by the path that they lie in: `virtualServices`, or '' for a singleton. */
  private readonly collections = new Map<string, ConfigRecord[]>();

  constructor(records: ConfigRecord[], kinds: JsonObject[]) {
    this.kinds = new Map(
      kinds
        .map(schema => readKind(schema, String(schema.$id), false))
        .map(kind => [kind.template.join('/'), kind]),
    );
    for (const record of records) {
      const collection = record.path.slice(0, Math.max(0, record.path.lastIndexOf('/')));
      const siblings = this.collections.get(collection);
      if (siblings === undefined) this.collections.set(collection, [record]);
      else siblings.push(record);
    }
  }

  unit(): ExportedParameters {
    const singletons = [...this.collections.values()]
      .flat()
      .filter(({ path }) => this.kinds.get(path)?.schema.loadmaster === 'getall');
    return Object.assign(
      {},
      ...singletons.map(({ path, value }) => written(this.kinds.get(path), value, 'yesno', [])),
    );
  }

  services(collection: string, template: string): ExportedService[] {
    const siblings = this.collections.get(collection) ?? [];
    return siblings.map(({ path, value }) => ({
      id: idOf(path),
      parameters: written(this.kinds.get(template), value, 'YN', siblings),
      realServers: this.servers(`${path}/realServers`, `${template}/realServers/{id}`),
      subServices: this.services(`${path}/subVirtualServices`, `${template}/subVirtualServices/{id}`),
    }));
  }

  private servers(collection: string, template: string): ExportedServer[] {
    const siblings = this.collections.get(collection) ?? [];
    return siblings.map(({ path, value }) => ({
      id: idOf(path),
      parameters: named(written(this.kinds.get(template), value, 'YN', siblings)),
    }));
  }
}

function written(
  kind: Kind | undefined,
  value: JsonObject,
  booleans: Booleans,
  siblings: ConfigRecord[],
): ExportedParameters {
  const parameters: ExportedParameters = {};
  for (const field of kind === undefined ? [] : fieldsOf(kind)) {
    const own = value[field.field];
    if (own === undefined) continue;
    const number = (): string => String(siblings.findIndex(({ path }) => idOf(path) === own) + 1);
    parameters[field.parameter] = field.index === undefined ? toParameter(field, own, booleans) : number();
  }
  return parameters;
}

/** The appliance keeps the name of a Real Server apart from its address. */
function named(parameters: ExportedParameters): ExportedParameters {
  const { Addr = '', ...rest } = parameters;
  return canonicalAddress(String(Addr)) === undefined ? { DnsName: Addr, ...rest } : { Addr, ...rest };
}

function idOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
