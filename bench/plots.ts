/** The page of plots: latency and bytes on the wire against the size of the site, drawn from what `--json` wrote. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { BOTH, COMMIT, UPDATE } from './acts.ts';
import type { Cost, Figure } from './figure.ts';
import { type Axis, drawPlot, type Series } from './plot.ts';
import type { Row } from './table.ts';

const DOCS = path.join(import.meta.dirname, '../docs');
const SIZE: Axis = {
  label: 'Virtual Services, each with 5 Real Servers',
  tick: value => value.toLocaleString('en'),
};
/** One colour a tool: they tell apart on white and on black, and by those who do not see red and green. */
const COLOURS: Record<string, string> = {
  rsync: '#e08a00',
  git: '#c85a9e',
  scp: '#8a8f98',
  unison: '#0f9d76',
  csync2: '#8b6fd6',
};
const OURS = '#2f7fe0';
const DASHES = [undefined, '7 4', '2 4', '9 3 2 3'];

/** Writes docs/latency.svg and docs/wire.svg; resolves to the exit code. */
export function drawPlots(json: string): number {
  const rows = JSON.parse(readFileSync(json, 'utf8')) as Row[];
  writeFileSync(path.join(DOCS, 'latency.svg'), latencyPlot(rows));
  writeFileSync(path.join(DOCS, 'wire.svg'), wirePlot(rows));
  return 0;
}

export function latencyPlot(figures: Figure[]): string {
  const ms = (cost: Cost): number | undefined => cost.ms;
  return drawPlot({
    title: 'One change, until the other side has it',
    x: SIZE,
    y: { label: 'median (logarithmic)', tick: value => (value < 1000 ? `${value} ms` : `${value / 1000} s`) },
    series: [
      own(figures, BOTH, 'Lockstep: commit and update', ms, '7 4'),
      own(figures, UPDATE, 'Lockstep: Force Update', ms),
      own(figures, COMMIT, 'Lockstep: commit', ms, '2 4'),
      floor(figures),
      ...rivals(figures, ms),
    ],
  });
}

export function wirePlot(figures: Figure[]): string {
  const bytes = (cost: Cost): number | undefined => cost.bytes;
  return drawPlot({
    title: 'One change: bytes on the wire, both ways',
    x: SIZE,
    y: { label: 'median, with TCP and IP (logarithmic)', tick: bytesTick },
    series: [own(figures, UPDATE, 'Lockstep: Force Update', bytes), ...rivals(figures, bytes)],
  });
}

function bytesTick(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`;
  return bytes < 1e6 ? `${bytes / 1e3} kB` : `${bytes / 1e6} MB`;
}

type Take = (cost: Cost) => number | undefined;

function own(figures: Figure[], what: string, name: string, take: Take, dash?: string): Series {
  const points = pointsOf(figures, what, ({ measured }) => take(measured));
  return { name, colour: OURS, strong: true, points, ...(dash === undefined ? {} : { dash }) };
}

function floor(figures: Figure[]): Series {
  const points = pointsOf(figures, UPDATE, ({ floorMs }) => floorMs);
  return { name: 'the disk and the wire alone', colour: '#8a8f98', dash: '1 3', points };
}

function rivals(figures: Figure[], take: Take): Series[] {
  const perTool = new Map<string, number>();
  return [UPDATE, BOTH].flatMap(what => {
    const names = new Set(figures.filter(each => each.what === what).flatMap(rivalNames));
    return [...names].map(name => {
      const [tool = ''] = name.split(/[ ,]/);
      const number = perTool.get(tool) ?? 0;
      perTool.set(tool, number + 1);
      const dash = DASHES[number % DASHES.length];
      const cost = ({ rivals: all = [] }: Figure): Cost => all.find(({ who }) => who === name)?.cost ?? {};
      const points = pointsOf(figures, what, figure => take(cost(figure)));
      return { name, colour: COLOURS[tool] ?? '#8a8f98', points, ...(dash === undefined ? {} : { dash }) };
    });
  });
}

function rivalNames({ rivals: all = [] }: Figure): string[] {
  return all.map(({ who }) => who);
}

function pointsOf(
  figures: Figure[],
  what: string,
  take: (figure: Figure) => number | undefined,
): [number, number][] {
  return figures
    .filter(figure => figure.what === what && figure.services !== undefined)
    .map((figure): [number, number] => [figure.services ?? 0, take(figure) ?? 0])
    .filter(([, value]) => value > 0)
    .sort(([one], [other]) => one - other);
}
