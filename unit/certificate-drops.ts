import { extname } from 'node:path';

/** A file below `certs.d/`, as a listing tells of it. */
export interface DroppedFile {
  /** `shop.pem`, or `shop/fullchain.pem`. */
  path: string;
  /** Changes whenever the file may have. */
  stamp: string;
}

/** All files that are about one certificate. */
export interface Drop {
  name: string;
  /** Paths of certificates and keys, to be read together. */
  files: string[];
  /** Path of the file with the passphrase. */
  passphrase: string | undefined;
  stamp: string;
  /** Why it cannot even be read. */
  fault: DropFault | undefined;
}

export interface DropFault {
  code: string;
  message: string;
}

/** What became of reading and committing a drop. */
export type Outcome =
  /** It is in the configuration, now or already. */
  | { result: 'taken' }
  /** The files changed while they were read. */
  | { result: 'changed' }
  /** Shared configuration is changed on the active unit only. */
  | { result: 'standby' }
  /** `passes`: the files are not what is wrong. */
  | ({ result: 'refused'; passes: boolean } & DropFault);

interface Watched {
  drop: Drop;
  phase: 'settling' | 'trying' | 'taken' | 'standby' | 'refused';
  /** When its files last changed, or when it is to be tried again. */
  since: number;
  refusal: DropFault | undefined;
  told: boolean;
}

export type DropState = ReadonlyMap<string, Watched>;

export type DropEvent =
  | { type: 'listed'; at: number; drops: Drop[] }
  | { type: 'tried'; at: number; name: string; stamp: string; outcome: Outcome }
  /** Time has passed. */
  | { type: 'due'; at: number }
  /** The unit became active. */
  | { type: 'active'; at: number };

export type DropEffect =
  | { do: 'try'; drop: Drop }
  /** Nothing of it is there any more. */
  | { do: 'forget'; name: string }
  | { do: 'tell'; name: string; code: string; message: string };

/** Files are left alone until nothing about them has changed for so long: they are written in any order. */
export const QUIET_MS = 500;
/** What is not good may still become so: a key that comes later, a chain that is being written. */
export const PATIENCE_MS = 3_000;
/** What failed for another reason than its files is tried again. */
const AGAIN_MS = 60_000;

export const noDrops: DropState = new Map();

/** One step: what to do now, and the state afterwards. Knows no clock and no file. */
export function stepDrops(state: DropState, event: DropEvent): { state: DropState; effects: DropEffect[] } {
  switch (event.type) {
    case 'listed':
      return listed(state, event.drops, event.at);
    case 'tried':
      return tried(state, event);
    case 'due':
      return due(state, event.at);
    case 'active':
      return {
        state: mapped(state, watched =>
          watched.phase === 'standby' ? settling(watched.drop, event.at) : watched,
        ),
        effects: [],
      };
  }
}

/** When time alone makes a difference next; undefined: never. */
export function nextDue(state: DropState): number | undefined {
  const times = [...state.values()].flatMap(({ phase, since, told }) => {
    if (phase === 'settling') return [since + QUIET_MS];
    return phase === 'refused' && !told ? [since + PATIENCE_MS] : [];
  });
  return times.length === 0 ? undefined : Math.min(...times);
}

/** What lies there and is not in the configuration, as far as it was told. */
export function dropTroubles(state: DropState): ({ name: string } & DropFault)[] {
  return [...state].flatMap(([name, { phase, refusal, told }]) => {
    if (phase === 'standby') return [{ name, code: 'not-active', message: STANDBY }];
    return refusal !== undefined && told ? [{ name, ...refusal }] : [];
  });
}

const STANDBY = 'it waits: this unit is standby, and shared configuration is changed on the active unit only';

function listed(state: DropState, drops: Drop[], at: number): ReturnType<typeof stepDrops> {
  const next = new Map<string, Watched>();
  for (const drop of drops) {
    const known = state.get(drop.name);
    next.set(
      drop.name,
      known?.drop.stamp === drop.stamp
        ? known
        : { ...settling(drop, at), refusal: known?.refusal, told: known?.told ?? false },
    );
  }
  const gone = [...state.keys()].filter(name => !next.has(name));
  return { state: next, effects: gone.map(name => ({ do: 'forget', name })) };
}

function due(state: DropState, at: number): ReturnType<typeof stepDrops> {
  const effects: DropEffect[] = [];
  const next = mapped(state, watched => {
    const { drop, phase, since, refusal, told } = watched;
    if (phase === 'settling' && at >= since + QUIET_MS) {
      if (drop.fault !== undefined) return refused(watched, drop.fault, since);
      effects.push({ do: 'try', drop });
      return { ...watched, phase: 'trying' };
    }
    if (phase === 'refused' && !told && refusal !== undefined && at >= since + PATIENCE_MS) {
      effects.push({ do: 'tell', name: drop.name, ...refusal });
      return { ...watched, told: true };
    }
    return watched;
  });
  return { state: next, effects };
}

function tried(
  state: DropState,
  { at, name, stamp, outcome }: Extract<DropEvent, { type: 'tried' }>,
): ReturnType<typeof stepDrops> {
  const watched = state.get(name);
  // Files that changed meanwhile are looked at anew anyway.
  if (watched === undefined || watched.phase !== 'trying' || watched.drop.stamp !== stamp)
    return { state, effects: [] };
  const next = after(watched, outcome, at);
  const tells = next.told && next.refusal !== undefined && next.refusal.message !== told(watched);
  return {
    state: new Map(state).set(name, next),
    effects: tells ? [{ do: 'tell', name, ...(next.refusal as DropFault) }] : [],
  };
}

function told({ told: isTold, refusal }: Watched): string | undefined {
  return isTold ? refusal?.message : undefined;
}

function after(watched: Watched, outcome: Outcome, at: number): Watched {
  switch (outcome.result) {
    case 'taken':
      return { ...watched, phase: 'taken', refusal: undefined, told: false };
    case 'standby':
      return { ...watched, phase: 'standby', refusal: undefined, told: false };
    case 'changed':
      return { ...watched, phase: 'settling', since: at };
    case 'refused': {
      const { code, message, passes } = outcome;
      const next = refused(watched, { code, message }, watched.since);
      return passes ? { ...next, phase: 'settling', since: at + AGAIN_MS - QUIET_MS, told: true } : next;
    }
  }
}

/** Another reason than the one that was told is told again. */
function refused(watched: Watched, refusal: DropFault, since: number): Watched {
  return { ...watched, phase: 'refused', since, refusal, told: told(watched) === refusal.message };
}

function settling(drop: Drop, since: number): Watched {
  return { drop, phase: 'settling', since, refusal: undefined, told: false };
}

function mapped(state: DropState, change: (watched: Watched) => Watched): DropState {
  return new Map([...state].map(([name, watched]) => [name, change(watched)]));
}

const CERTIFICATE_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,250}$/;
const NAME_RULE = 'it takes 1 to 251 letters, digits, dots, underscores and hyphens';
const PEM = new Set(['.pem', '.crt', '.cer', '.key']);
const PKCS12 = new Set(['.pfx', '.p12']);
/** What ACME clients call their files in the folder of a certificate; the first that is there counts. */
const FULL_CHAINS = ['fullchain.pem', 'fullchain.cer', 'fullchain.crt'];
const PARTS = ['cert.pem', 'chain.pem'];
const KEYS = ['privkey.pem', 'privkey.key', 'key.pem'];

/** Which files are about which certificate; sorted by name. What holds no certificate is passed over. */
export function findDrops(files: DroppedFile[]): Drop[] {
  const groups = new Map<string, DroppedFile[]>();
  for (const file of files) {
    const name = nameOf(file.path);
    if (name !== undefined) groups.set(name, [...(groups.get(name) ?? []), file]);
  }
  return [...groups]
    .flatMap(([name, group]) => dropOf(name, group))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

function nameOf(path: string): string | undefined {
  const [top = '', below] = path.split('/');
  // lego writes the issuer's certificate beside a file that holds it as well.
  if (below === undefined && (!isOurs(extname(top)) || top.endsWith('.issuer.crt'))) return undefined;
  const name = below === undefined ? top.slice(0, -extname(top).length) : top;
  return name === '' || name.startsWith('.') ? undefined : name;
}

function isOurs(extension: string): boolean {
  return PEM.has(extension) || PKCS12.has(extension) || extension === '.pass';
}

function dropOf(name: string, group: DroppedFile[]): Drop[] {
  const paths = group.map(({ path }) => path).sort();
  const inFolder = folderFiles(name, new Set(paths));
  const top = paths.filter(path => !path.includes('/'));
  const pem = top.filter(path => PEM.has(extname(path)));
  const pkcs12 = top.filter(path => PKCS12.has(extname(path)));
  const forms = [inFolder, pem, pkcs12].filter(form => form.length > 0);
  const files = forms.flat();
  if (files.length === 0) return [];
  const passphrase = top.find(path => extname(path) === '.pass');
  const used = new Set([...files, ...(passphrase === undefined ? [] : [passphrase])]);
  const stamp = stampOfAll(group.filter(({ path }) => used.has(path)));
  const several = forms.length > 1 || pkcs12.length > 1;
  const fault = !CERTIFICATE_NAME.test(name)
    ? { code: 'bad-id', message: `no certificate can have this name: ${NAME_RULE}` }
    : several
      ? { code: 'certificate-ambiguous', message: `it lies there several times: ${files.join(', ')}` }
      : undefined;
  return [{ name, files, passphrase, stamp, fault }];
}

/** Changes when any of the files may have, or when there are others. */
export function stampOfAll(files: DroppedFile[]): string {
  return files
    .map(({ path, stamp }) => `${path} ${stamp}`)
    .sort()
    .join('\n');
}

function folderFiles(name: string, paths: Set<string>): string[] {
  const first = (names: string[]): string[] =>
    names
      .map(each => `${name}/${each}`)
      .filter(path => paths.has(path))
      .slice(0, 1);
  const chain = first(FULL_CHAINS);
  const parts = PARTS.map(each => `${name}/${each}`).filter(path => paths.has(path));
  const key = first([...KEYS, `${name}.key`]);
  return [...(chain.length > 0 ? chain : parts), ...key];
}
