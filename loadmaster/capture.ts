import { type X2jOptions, XMLParser, XMLValidator } from 'fast-xml-parser';
import { LockstepError } from '../schema/error.ts';
import { isObject, MAX_DOCUMENT_BYTES, parseDocument, tooLarge } from '../schema/json.ts';

/** The parameters of one object, by the appliance's names; always text, whatever form the capture has. */
export type Parameters = Map<string, string | string[]>;

/** Something in a capture that is no object where one belongs: what it is called, and what it is. */
export type Stray = [parameter: string, value: string];

/** A Virtual Service (or Sub-Virtual Service) as `listvs` shows it. */
export interface CapturedService {
  parameters: Parameters;
  realServers: Parameters[];
  subServices: CapturedService[];
  stray: Stray[];
}

/** One reply of a LoadMaster's API. */
export type Capture = { file: string; stray: Stray[] } & (
  | { type: 'getall'; parameters: Parameters }
  | { type: 'listvs'; services: CapturedService[] }
  | { type: 'showrs'; realServers: Parameters[] }
);

const WANTED = 'Give the replies of getall, listvs or showrs, as XML (API v1) or JSON (API v2).';
/** Any of these is in every getall reply. */
const OF_A_UNIT = ['hamode', 'version', 'sshaccess', 'conntimeout'];
/** Parts of a v2 reply that say how the request went. */
const ENVELOPE = new Set(['code', 'status', 'message']);

/**
 * Read one capture; what it is shows in its content. `name` is only for messages.
 * Throws `bad-capture`, `too-large`, and for JSON what parseDocument throws.
 */
export function readCapture(name: string, text: string): Capture {
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_DOCUMENT_BYTES) throw tooLarge(name, bytes);
  const start = text.trimStart().charAt(0);
  if (start === '<') return captureOf(name, readXml(name, text));
  if (start === '{') return captureOf(name, readJson(name, text));
  throw badCapture(name, 'it is neither XML nor JSON');
}

export function badCapture(name: string, reason: string, hint = WANTED): LockstepError {
  return new LockstepError('bad-capture', `${name}: ${reason}.`, { hint, facts: { file: name } });
}

function captureOf(file: string, data: Record<string, unknown>): Capture {
  if (isStatistics(data)) throw badCapture(file, 'these are statistics, not a configuration');
  if ('VS' in data) {
    const { VS, ...rest } = data;
    return {
      file,
      type: 'listvs',
      services: objects(VS).map(service),
      stray: [...strayIn('VS', VS), ...said(rest)],
    };
  }
  if ('VSAddress' in data) return { file, type: 'listvs', services: [service(data)], stray: [] };
  if ('Rs' in data) {
    const { Rs, ...rest } = data;
    return {
      file,
      type: 'showrs',
      realServers: objects(Rs).map(server),
      stray: [...strayIn('Rs', Rs), ...said(rest)],
    };
  }
  if (Object.keys(data).length === 0) return { file, type: 'listvs', services: [], stray: [] };
  const unit = OF_A_UNIT.some(parameter => parameter in data);
  if (unit) return { file, type: 'getall', parameters: parameters(data, 'yesno'), stray: [] };
  throw badCapture(file, 'it holds neither the parameters of a unit nor Virtual Services nor Real Servers');
}

/** `stats` counts Virtual Services and Real Servers by the names that `listvs` and `showrs` have for them. */
function isStatistics(data: Record<string, unknown>): boolean {
  const counted = objects(data.Rs).some(node => COUNTS.some(count => count in node));
  return counted || ['VStotals', 'TPS', 'CPU', 'Vs'].some(part => part in data);
}

const COUNTS = ['ActivConns', 'ActiveConns', 'TotalConns', 'Conns', 'TotalPkts', 'ConnsPerSec', 'BytesRead'];

function service(node: Record<string, unknown>): CapturedService {
  const { Rs, SubVS, ...own } = node;
  return {
    parameters: parameters(own, 'YN'),
    realServers: objects(Rs).map(server),
    subServices: objects(SubVS).map(service),
    stray: [...strayIn('Rs', Rs), ...strayIn('SubVS', SubVS)],
  };
}

/** What stands where an object belongs and is none. An empty element is nothing. */
function strayIn(name: string, node: unknown): Stray[] {
  return (Array.isArray(node) ? node.flat(Number.POSITIVE_INFINITY) : [node])
    .filter(each => !isObject(each) && each !== '' && each !== undefined && each !== null)
    .map(each => [name, String(each)]);
}

function said(rest: Record<string, unknown>): Stray[] {
  return [...parameters(rest, 'YN')]
    .filter(([, value]) => value !== '')
    .map(([name, value]) => [name, String(value)]);
}

function server(node: Record<string, unknown>): Parameters {
  return parameters(node, 'YN');
}

/** `booleans`: how the v1 form of this reply spells them; v2 has true and false. */
function parameters(node: Record<string, unknown>, booleans: 'YN' | 'yesno'): Parameters {
  const [yes, no] = booleans === 'YN' ? ['Y', 'N'] : ['yes', 'no'];
  const text = (value: unknown): string => {
    if (typeof value === 'boolean') return value ? yes : no;
    return value === null || value === undefined ? '' : String(value);
  };
  return new Map(
    Object.entries(node).map(([name, value]) => [
      name,
      typeof value === 'object' && value !== null ? leaves(value).map(text) : text(value),
    ]),
  );
}

/** A list is an array in v2, and `<InterceptOpts><Opt>…</Opt><Opt>…</Opt></InterceptOpts>` in v1. */
function leaves(node: object): unknown[] {
  return Object.values(node).flatMap(value =>
    typeof value === 'object' && value !== null ? leaves(value) : [value],
  );
}

/** None, one or many: XML shows a list of one as the thing itself. */
function objects(node: unknown): Record<string, unknown>[] {
  return (Array.isArray(node) ? node.flat(Number.POSITIVE_INFINITY) : [node]).filter(isObject);
}

function readJson(name: string, text: string): Record<string, unknown> {
  const reply = parseDocument(text, name);
  if (!isObject(reply)) throw badCapture(name, 'it is not a reply of the API');
  const isGood =
    (reply.code === undefined || Number(reply.code) === 200) &&
    (reply.status === undefined || /^ok$/i.test(String(reply.status)));
  if (!isGood) throw refusedBy(name, String(reply.message ?? reply.code));
  const data = Object.fromEntries(Object.entries(reply).filter(([key]) => !ENVELOPE.has(key)));
  if (Object.keys(data).length === 0 && reply.message !== undefined)
    throw answerToCommand(name, String(reply.message));
  return data;
}

function refusedBy(name: string, why: string): LockstepError {
  return badCapture(name, `the appliance refused the request: ${why}`);
}

function answerToCommand(name: string, said: string): LockstepError {
  return badCapture(
    name,
    `it is the answer to a command (${said.trim().slice(0, 80)}) and holds no configuration`,
  );
}

function readXml(name: string, text: string): Record<string, unknown> {
  if (/<!(DOCTYPE|ENTITY)/i.test(text))
    throw badCapture(name, 'it declares a document type, which no reply of the API does');
  const fault = XMLValidator.validate(text);
  if (fault !== true)
    throw badCapture(
      name,
      `line ${fault.err.line}, column ${fault.err.col}: this is not XML (${fault.err.msg})`,
    );
  const response = parseXml(text).Response;
  if (!isObject(response)) throw badCapture(name, 'there is no <Response> in it');
  const { stat = '200', code = 'ok' } = attributesOf(text);
  if (stat !== '200' || !/^ok$/i.test(code) || 'Error' in response)
    throw refusedBy(name, String(response.Error ?? (stat === '200' ? code : stat)));
  const { Success } = response;
  if (typeof Success === 'string' && Success.trim() !== '') throw answerToCommand(name, Success);
  if (!isObject(Success)) throw badCapture(name, 'there is not one <Success> with <Data> in it');
  const { Data } = Success;
  if (Data === '') return {};
  if (!isObject(Data)) throw badCapture(name, 'there is not one <Data> with objects in it');
  return Data;
}

/** Of the first `<Response …>` behind the declaration and comments. */
function attributesOf(text: string): Record<string, string> {
  const [, attributes = ''] =
    /<Response\b([^>]*)>/.exec(text.slice(0, 65_536).replace(/^(\s*<(\?[^>]*\?|!--[\s\S]*?--)>)*/, '')) ?? [];
  return Object.fromEntries(
    [...attributes.matchAll(/([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)].map(
      ([, name = '', double, single]) => [name, double ?? single ?? ''],
    ),
  );
}

/**
 * Values stay text, so that `007` and `1.10` are what they were. A reply of 10,000 Virtual Services has 40 MB, so the parser does
 * no more than it must.
 */
function parseXml(text: string): Record<string, unknown> {
  const options: X2jOptions = {
    parseTagValue: false,
    processEntities: false,
    ignoreDeclaration: true,
    jPath: false,
  };
  if (text.includes('&')) options.tagValueProcessor = (_tag, value) => decoded(value);
  return new XMLParser(options).parse(text) as Record<string, unknown>;
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** The five entities of XML and numbered characters; there are no others without a document type. */
function decoded(text: string): string {
  return text.replaceAll(
    /&(?:(amp|lt|gt|quot|apos)|#(\d{1,7})|#x([0-9A-Fa-f]{1,6}));/g,
    (all, name, decimal, hex) => {
      if (name !== undefined) return ENTITIES[name] ?? all;
      const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
      return code <= 0x10ffff ? String.fromCodePoint(code) : all;
    },
  );
}
