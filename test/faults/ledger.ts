import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Hosts as a unit shows them. */
export type Held = Record<string, { address: string }>;
/** Name of a host → its address; null: it was removed. */
export type Hosts = Map<string, string | null>;

/** What a pair has acknowledged, kept outside of it. */
export class Ledger {
  private hosts: Hosts = new Map();
  /** Of commits that nobody answered: what a host may be instead. */
  private readonly perhaps = new Map<string, Set<string | null>>();
  /** Of a restore that nobody answered: all may be as it was then. */
  private earlier: Hosts | undefined;
  private count = 0;

  acknowledged(changes: Hosts): void {
    for (const [name, address] of changes) {
      this.hosts.set(name, address);
      this.perhaps.delete(name);
    }
  }

  unanswered(changes: Hosts): void {
    for (const [name, address] of changes)
      this.perhaps.set(name, (this.perhaps.get(name) ?? new Set()).add(address));
  }

  /** Never the same one twice. */
  nextAddress(): string {
    this.count++;
    return [10, this.count >> 16, (this.count >> 8) & 255, this.count & 255].join('.');
  }

  /** What is acknowledged now, to go back to. */
  copy(): Hosts {
    return new Map(this.hosts);
  }

  wentBack(to: Hosts, answered: boolean): void {
    if (answered) this.take(to);
    else this.earlier = to;
  }

  /** How many acknowledged changes one of the units does not hold; none is counted twice. */
  lost(units: Held[]): number {
    if (this.earlier !== undefined) {
      const then = differing(this.earlier, new Map(), units).length;
      if (then <= this.gone(units).length && isOnly(this.earlier, units)) this.take(this.earlier);
      this.earlier = undefined;
    }
    const gone = this.gone(units);
    for (const name of gone) this.hosts.delete(name);
    return gone.length;
  }

  /** Hosts that a unit does not hold as it was acknowledged, or that nobody gave it. */
  undone(held: Held): string[] {
    return differing(this.withOthers(Object.keys(held)), this.perhaps, [held]);
  }

  /** Hosts whose files below `config` are missing, too many, empty or old. */
  staleIn(config: string): string[] {
    const folder = path.join(config, 'hosts');
    const said: Held = {};
    for (const name of readdirSync(folder)) {
      const address = name.startsWith('.') ? null : addressIn(path.join(folder, name));
      if (name.endsWith('.json') && address !== null) said[name.slice(0, -'.json'.length)] = { address };
    }
    return this.undone(said);
  }

  private gone(units: Held[]): string[] {
    return differing(this.hosts, this.perhaps, units);
  }

  private withOthers(names: string[]): Hosts {
    const others = names.filter(name => !this.hosts.has(name));
    return new Map([...this.hosts, ...others.map(name => [name, null] as const)]);
  }

  private take(hosts: Hosts): void {
    this.hosts = new Map(hosts);
    this.perhaps.clear();
  }
}

/** `?`: the file is empty, torn or something else. */
export function addressIn(file: string): string | null {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { address: string }).address;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? null : '?';
  }
}

function differing(hosts: Hosts, perhaps: Map<string, Set<string | null>>, units: Held[]): string[] {
  const fits = (name: string, address: string | null): boolean =>
    units.every(held => {
      const found = held[name]?.address ?? null;
      return found === address || perhaps.get(name)?.has(found) === true;
    });
  return [...hosts].filter(([name, address]) => !fits(name, address)).map(([name]) => name);
}

/** Nothing is there beside them. */
function isOnly(hosts: Hosts, units: Held[]): boolean {
  return units.every(held => Object.keys(held).every(name => hosts.has(name)));
}
