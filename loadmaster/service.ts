import { badCapture, type Capture, type CapturedService, type Parameters, type Stray } from './capture.ts';
import type { Leave } from './read.ts';

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
 * Bring together what listvs and showrs say: Real Servers under their Virtual Service, Sub-Virtual Services under theirs. What cannot be
 * brought together is handed to `leave`, with all that is below it. Throws `bad-capture` when two files use one index.
 */
export function joinServices(captures: Capture[], leave: Leave): Service[] {
  const all = new Map<string, Service>();
  const shown = new Map<Service, CapturedService[]>();
  for (const capture of captures) {
    leaveStray(capture.file, capture.stray, leave);
    if (capture.type !== 'listvs') continue;
    for (const captured of capture.services) {
      const service = keep(all, capture.file, captured, leave);
      if (service !== undefined) shown.set(service, captured.subServices);
    }
  }
  for (const capture of captures)
    if (capture.type === 'showrs') joinServers(all, capture.file, capture.realServers, leave);
  const top = nest(all, leave);
  const nested = new Set(top.flatMap(service => service.subServices));
  for (const [service, short] of shown) {
    if (top.includes(service)) addShown(service, short, all, leave);
    else if (nested.has(service))
      for (const captured of short) leaveCaptured(service.file, captured, TOO_DEEP, leave);
    else for (const captured of short) leaveCaptured(service.file, captured, BELOW_LEFT_OUT, leave);
  }
  return top;
}

const NO_OBJECT = 'it is no object, so nothing is known of it';
const TOO_DEEP = 'a Sub-Virtual Service has no Sub-Virtual Services';
const BELOW_LEFT_OUT = 'what it belongs to stayed out';

/** Name a Virtual Service that becomes no record, and everything below it. */
export function leaveService(service: Service, reason: string, leave: Leave): void {
  leave(service.file, 'VS', serviceName(service), reason);
  for (const { file, parameters } of service.servers)
    leave(file, 'Rs', serverName(parameters), BELOW_LEFT_OUT);
  for (const sub of service.subServices) leaveService(sub, BELOW_LEFT_OUT, leave);
}

/** The same for a short form that was not joined. */
function leaveCaptured(file: string, captured: CapturedService, reason: string, leave: Leave): void {
  leaveService(serviceOf(file, captured, 'VSIndex', leave), reason, leave);
  for (const below of captured.subServices) leaveCaptured(file, below, BELOW_LEFT_OUT, leave);
}

function keep(
  all: Map<string, Service>,
  file: string,
  captured: CapturedService,
  leave: Leave,
): Service | undefined {
  const service = serviceOf(file, captured, 'Index', leave);
  const other = service.index === '' ? undefined : all.get(service.index);
  if (other !== undefined && other.file !== file)
    throw badCapture(
      file,
      `it has a Virtual Service ${service.index}, and so has ${other.file}`,
      'Give one listvs reply, of one unit, in one form.',
    );
  if (other !== undefined) {
    leaveService(service, `another Virtual Service has the number ${service.index} already`, leave);
    for (const below of captured.subServices) leaveCaptured(file, below, BELOW_LEFT_OUT, leave);
    return undefined;
  }
  all.set(service.index === '' ? `unnumbered ${all.size}` : service.index, service);
  return service;
}

function serviceOf(file: string, captured: CapturedService, indexParameter: string, leave: Leave): Service {
  const index = String(captured.parameters.get(indexParameter) ?? '');
  const servers = captured.realServers.map(parameters => ({ file, parameters }));
  const service = { file, index, parameters: captured.parameters, servers, subServices: [] };
  leaveStray(`${file}, Virtual Service ${serviceName(service)}`, captured.stray, leave);
  return service;
}

function leaveStray(source: string, stray: Stray[], leave: Leave): void {
  for (const [parameter, value] of stray) leave(source, parameter, value, NO_OBJECT);
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

function serviceName({ index, parameters }: Service): string {
  return (
    index || String(parameters.get('NickName') || parameters.get('Name') || parameters.get('VSAddress') || '')
  );
}

/** The top-level services; each Sub-Virtual Service goes to the one that its MasterVSID names. */
function nest(all: Map<string, Service>, leave: Leave): Service[] {
  const masterOf = (service: Service): string => String(service.parameters.get('MasterVSID') || '0');
  const top: Service[] = [];
  for (const service of all.values()) {
    const master = masterOf(service);
    const above = all.get(master);
    if (master === '0') top.push(service);
    else if (above === undefined)
      leaveService(service, `its Virtual Service (index ${master}) is not among the captures`, leave);
    else if (masterOf(above) !== '0')
      leaveService(service, `its Virtual Service (index ${master}) is itself below another`, leave);
    else above.subServices.push(service);
  }
  return top;
}

/** A Virtual Service shows a short form of each Sub-Virtual Service: its weight and limits, or, alone, all there is. */
function addShown(service: Service, shown: CapturedService[], all: Map<string, Service>, leave: Leave): void {
  for (const captured of shown) {
    const short = serviceOf(service.file, captured, 'VSIndex', leave);
    const whole =
      short.index === '' ? undefined : service.subServices.find(({ index }) => index === short.index);
    for (const below of captured.subServices) leaveCaptured(service.file, below, TOO_DEEP, leave);
    if (whole !== undefined) {
      whole.parameters = merged(short, whole, leave);
      whole.servers.push(...short.servers);
    } else if (short.index !== '' && all.has(short.index))
      leaveService(short, `Virtual Service ${short.index} itself says that it is not below this one`, leave);
    else service.subServices.push(short);
  }
}

function merged(short: Service, whole: Service, leave: Leave): Parameters {
  for (const [parameter, shown] of short.parameters) {
    const own = whole.parameters.get(parameter);
    if (own === undefined || String(own) === String(shown) || parameter === 'RsIndex') continue;
    leave(
      `${whole.file}, Sub-Virtual Service ${whole.index}`,
      parameter,
      String(shown),
      'the Sub-Virtual Service itself says otherwise',
    );
  }
  return new Map([...short.parameters, ...whole.parameters]);
}
