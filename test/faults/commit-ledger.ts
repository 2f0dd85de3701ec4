/** What was acknowledged, kept outside the product: path → address of hosts. */
export type Held = Record<string, { address: string }>;

const GROUP = 'hosts/';

export class CommitLedger {
  private records = new Map<string, string>();
  /** Of commits that nobody answered: what a record may say instead. */
  private readonly perhaps = new Map<string, Set<string>>();
  /** Of a restore that nobody answered: all may be as it was then. */
  private earlier: Map<string, string> | undefined;

  acknowledged(changes: Map<string, string>): void {
    for (const [path, address] of changes) {
      this.records.set(path, address);
      this.perhaps.delete(path);
    }
  }

  unanswered(changes: Map<string, string>): void {
    for (const [path, address] of changes)
      this.perhaps.set(path, (this.perhaps.get(path) ?? new Set()).add(address));
  }

  /** What is acknowledged now, to go back to. */
  copy(): Map<string, string> {
    return new Map(this.records);
  }

  wentBack(to: Map<string, string>, answered: boolean): void {
    if (answered) this.take(to);
    else this.earlier = to;
  }

  /** How many acknowledged changes one of the units does not hold; none is counted twice. */
  lost(units: Held[]): number {
    if (this.earlier !== undefined) {
      if (
        missing(this.earlier, new Map(), units).length <= this.missing(units).length &&
        this.isOnly(this.earlier, units)
      )
        this.take(this.earlier);
      this.earlier = undefined;
    }
    const gone = this.missing(units);
    for (const path of gone) this.records.delete(path);
    return gone.length;
  }

  private missing(units: Held[]): string[] {
    return missing(this.records, this.perhaps, units);
  }

  /** Nothing is there beside it. */
  private isOnly(records: Map<string, string>, units: Held[]): boolean {
    return units.every(held => Object.keys(held).every(name => records.has(GROUP + name)));
  }

  private take(records: Map<string, string>): void {
    this.records = new Map(records);
    this.perhaps.clear();
  }
}

function missing(records: Map<string, string>, perhaps: Map<string, Set<string>>, units: Held[]): string[] {
  return [...records].flatMap(([path, address]) => {
    const told = units.map(held => held[path.slice(GROUP.length)]?.address ?? '');
    const fits = told.every(each => each === address || perhaps.get(path)?.has(each));
    return fits ? [] : [path];
  });
}
