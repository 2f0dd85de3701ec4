import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { TestUnit } from '../e2e/daemon.ts';

/** What a pair has acknowledged, kept outside of it: a host name and its address, or that it was removed. */
export class Ledger {
  private readonly hosts = new Map<string, string | null>();
  private count = 0;

  /** Commit all of these in one change, and note it once that is acknowledged. */
  async write(unit: TestUnit, names: string[]): Promise<void> {
    const changes = names.map(name => ({
      op: 'put' as const,
      path: `hosts/${name}`,
      value: { address: this.nextAddress() },
    }));
    await unit.api.change({ changes });
    for (const [index, name] of names.entries()) this.note(name, changes[index]?.value.address ?? null);
  }

  async remove(unit: TestUnit, ...names: string[]): Promise<void> {
    await unit.api.change({ changes: names.map(name => ({ op: 'remove' as const, path: `hosts/${name}` })) });
    for (const name of names) this.note(name, null);
  }

  note(name: string, address: string | null): void {
    this.hosts.set(name, address);
  }

  nextAddress(): string {
    this.count++;
    return [10, this.count >> 16, (this.count >> 8) & 255, this.count & 255].join('.');
  }

  /** Hosts that the unit does not hold as it was acknowledged. */
  async undoneOn(unit: TestUnit): Promise<string[]> {
    const held = (await unit.api.show({ path: 'hosts' })).value as Record<string, { address: string }>;
    return this.differing(name => held[name]?.address ?? null, Object.keys(held));
  }

  /** Hosts whose files below `config` are missing, too many, empty or old. */
  staleIn(config: string): string[] {
    const folder = path.join(config, 'hosts');
    const names = readdirSync(folder).filter(name => name.endsWith('.json') && !name.startsWith('.'));
    const said = new Map(
      names.map(name => [name.slice(0, -'.json'.length), addressIn(path.join(folder, name))]),
    );
    return this.differing(name => said.get(name) ?? null, [...said.keys()]);
  }

  private differing(found: (name: string) => string | null, names: string[]): string[] {
    const all = new Set([...this.hosts.keys(), ...names]);
    return [...all].filter(name => found(name) !== (this.hosts.get(name) ?? null));
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
