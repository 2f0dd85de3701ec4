import type { JsonObject } from '../schema/json.ts';

/** Numbers below `limit` that a seed repeats (a linear congruential generator: enough for a load). */
export function seeded(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return limit => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** Real Servers of each Virtual Service. */
export const SERVERS = 5;
const SEED = 1;

export interface BenchService {
  id: string;
  value: JsonObject;
  servers: { id: string; value: JsonObject }[];
}

/** The site that every measurement is made with, whatever its size: the same each time. Made as it is asked for. */
export function* site(services: number): Generator<BenchService> {
  const random = seeded(SEED);
  for (let index = 0; index < services; index++) yield benchService(index, SERVERS, random);
}

/** In parts of at most `most` Virtual Services: a request holds no more than 64 MiB. */
export function* parts(services: number, most: number): Generator<BenchService[]> {
  let part: BenchService[] = [];
  for (const service of site(services)) {
    part.push(service);
    if (part.length < most) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}

/** Id of Virtual Service number `index`. */
export function serviceId(index: number): string {
  return `tcp:10.${64 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}:443`;
}

/** A nickname; all are of one length, so that a file can be changed in place. */
export function nickname(word: 'service' | 'renamed', number: number): string {
  return `${word} ${String(number).padStart(6, '0')}`;
}

/** Virtual Service number `index` of a site, with its Real Servers; the same for the same seed. */
export function benchService(
  index: number,
  servers: number,
  random: (limit: number) => number,
): BenchService {
  const value = {
    nickname: nickname('service', index),
    enable: random(10) > 0,
    layer: 7,
    type: 'http',
    transparent: false,
    schedule: ['rr', 'wlc', 'lc'][random(3)] as string,
    checkType: 'http',
    checkUrl: `/health/${index}`,
    idleTime: 60 * (1 + random(10)),
  };
  const made = Array.from({ length: servers }, (_, server) => {
    const number = index * servers + server;
    const host = `10.${128 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
    return {
      id: `${host}:${8000 + server}`,
      value: { weight: 100 * (1 + random(20)), enable: random(20) > 0 },
    };
  });
  return { id: serviceId(index), value, servers: made };
}

/** Services as a nested document, the way `lockstep apply` takes it. */
export function siteDocument(services: BenchService[]): JsonObject {
  return {
    virtualServices: Object.fromEntries(
      services.map(({ id, value, servers }) => [
        id,
        { ...value, realServers: Object.fromEntries(servers.map(server => [server.id, server.value])) },
      ]),
    ),
  };
}

/** Services as a LoadMaster lists them (API v1, listvs). */
export function siteCapture(services: BenchService[]): string {
  const parts = services.map(captureOf);
  return `<?xml version="1.0" encoding="ISO-8859-1"?>\n<Response stat="200" code="ok">\n<Success><Data>${parts.join('\n')}</Data></Success>\n</Response>\n`;
}

function captureOf({ id, value, servers }: BenchService, index: number): string {
  const [, address, port] = id.split(':');
  const flag = (on: unknown): string => (on ? 'Y' : 'N');
  const rs = servers.map(server => {
    const [host, serverPort] = server.id.split(':');
    return `<Rs><Status>Up</Status><VSIndex>${index + 1}</VSIndex><Addr>${host}</Addr><Port>${serverPort}</Port><Forward>nat</Forward><Weight>${server.value.weight}</Weight><Limit>0</Limit><Enable>${flag(server.value.enable)}</Enable></Rs>`;
  });
  return `<VS><Status>Up</Status><Index>${index + 1}</Index><VSAddress>${address}</VSAddress><VSPort>${port}</VSPort><Layer>7</Layer><NickName>${value.nickname}</NickName><Enable>${flag(value.enable)}</Enable><Transparent>N</Transparent><Idletime>${value.idleTime}</Idletime><VStype>http</VStype><Protocol>tcp</Protocol><Schedule>${value.schedule}</Schedule><CheckType>http</CheckType><CheckUrl>${value.checkUrl}</CheckUrl>\n${rs.join('\n')}</VS>`;
}
