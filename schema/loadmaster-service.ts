import { badCapture, type Capture, type CapturedService, type Parameters } from './loadmaster-capture.ts';
import type { Leave } from './loadmaster-read.ts';

/** A Virtual Service with everything that the captures say of it. */
export interface Service {
  file: string;
  /** The number that the appliance gave it; '' when the capture has none. */
  index: string;
  parameters: Parameters;
  servers: Server[];
  subServices: Service[];
}

export interface Server {
  file: string;
  parameters: Parameters;
}

/**
 * Bring together what listvs and showrs say: Real Servers under their Virtual Service, Sub-Virtual Services under theirs.
 * What has no Virtual Service is handed to `leave`. Throws `bad-capture` when two captures use one index.
 */
export function joinServices(captures: Capture[], leave: Leave): Service[] {
  const all = new Map<string, Service>();
  const shown = new Map<Service, CapturedService[]>();
  for (const capture of captures) {
    if (capture.type !== 'listvs') continue;
    for (const captured of capture.services)
      shown.set(keep(all, capture.file, captured), captured.subServices);
  }
  for (const capture of captures)
    if (capture.type === 'showrs') joinServers(all, capture.file, capture.realServers, leave);
  const top = nest(all, leave);
  for (const [service, short] of shown) addShown(service, short, leave);
  return top;
}

function keep(all: Map<string, Service>, file: string, captured: CapturedService): Service {
  const service = serviceOf(file, captured, 'Index');
  const other = all.get(service.index);
  if (service.index !== '' && other !== undefined) {
    throw badCapture(
      file,
      `it has a Virtual Service ${service.index}, and so has ${other.file}`,
      'Give one listvs reply, of one unit, in one form.',
    );
  }
  all.set(service.index === '' ? `unnumbered ${all.size}` : service.index, service);
  return service;
}

function serviceOf(file: string, captured: CapturedService, indexParameter: string): Service {
  const index = String(captured.parameters.get(indexParameter) ?? '');
  const servers = captured.realServers.map(parameters => ({ file, parameters }));
  return { file, index, parameters: captured.parameters, servers, subServices: [] };
}

function joinServers(all: Map<string, Service>, file: string, servers: Parameters[], leave: Leave): void {
  for (const parameters of servers) {
    const index = String(parameters.get('VSIndex') ?? '');
    const service = all.get(index);
    if (service !== undefined) service.servers.push({ file, parameters });
    else
      leave(
        file,
        'Rs',
        serverName(parameters),
        `its Virtual Service (index ${index}) is not among the captures`,
      );
  }
}

export function serverName(parameters: Parameters): string {
  return `${String(parameters.get('DnsName') || parameters.get('Addr'))}:${String(parameters.get('Port') ?? '')}`;
}

/** The top-level services; each Sub-Virtual Service goes to the one that its MasterVSID names. */
function nest(all: Map<string, Service>, leave: Leave): Service[] {
  const top: Service[] = [];
  for (const service of all.values()) {
    const master = String(service.parameters.get('MasterVSID') || '0');
    if (master === '0') top.push(service);
    else if (all.has(master)) all.get(master)?.subServices.push(service);
    else
      leave(
        service.file,
        'VS',
        service.index,
        `its Virtual Service (index ${master}) is not among the captures`,
      );
  }
  return top;
}

/** A Virtual Service shows a short form of each Sub-Virtual Service: its weight and limits, or, alone, all there is. */
function addShown(service: Service, shown: CapturedService[], leave: Leave): void {
  for (const captured of shown) {
    const short = serviceOf(service.file, captured, 'VSIndex');
    const whole = service.subServices.find(({ index }) => index === short.index);
    if (whole === undefined) service.subServices.push(short);
    else whole.parameters = merged(short, whole, leave);
  }
}

function merged(short: Service, whole: Service, leave: Leave): Parameters {
  const [shown, own] = [short.parameters.get('Enable'), whole.parameters.get('Enable')];
  if (shown !== undefined && own !== undefined && shown !== own) {
    leave(
      `${whole.file}, Sub-Virtual Service ${whole.index}`,
      'Enable',
      String(shown),
      'the Sub-Virtual Service itself says otherwise',
    );
  }
  return new Map([...short.parameters, ...whole.parameters]);
}
