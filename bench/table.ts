/** Pure: figures as one table in Markdown. A line of Lockstep's own, then one for each rival. */
import { type Aim, type Cost, type Figure, isMet, type Rivalry } from './figure.ts';

export type Row = Figure & { bench: string };

const HEAD = ['services', 'what', 'who', 'median', 'p95', 'times ours', 'CPU', 'wire', 'floor', 'aim'];

export function table(rows: Row[]): string {
  const body = rows.flatMap(row => [own(row), ...(row.rivals ?? []).map(rival => beside(row, rival))]);
  return [HEAD, HEAD.map(() => '---'), ...body]
    .map(cells => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |\n`)
    .join('');
}

function own(row: Row): string[] {
  const { services, what, measured, floorMs } = row;
  const size = services === undefined ? '' : services.toLocaleString('en');
  return [size, what, '**Lockstep**', ...costs(measured, ''), duration(floorMs), aimText(row)];
}

function beside(row: Row, { who, cost }: Rivalry): string[] {
  return ['', '', who, ...costs(cost, times(cost.ms, row.measured.ms)), '', ''];
}

function costs(cost: Cost, ratio: string): string[] {
  const { ms, p95Ms, cpuMs, waitMs, megabytes, percent, bytes } = cost;
  const middle = [
    ms === undefined ? '' : duration(ms),
    megabytes === undefined ? '' : `${Math.round(megabytes)} MB`,
    percent === undefined ? '' : `${percent.toFixed(2)} %`,
    cost.times === undefined ? '' : `${cost.times.toFixed(2)} ×`,
    waitMs === undefined ? '' : `longest wait ${duration(waitMs)}`,
  ];
  const wire = bytes === undefined ? '' : amount(bytes);
  return [middle.filter(text => text !== '').join(', '), duration(p95Ms), ratio, duration(cpuMs), wire];
}

/** How much longer the other one takes. */
function times(theirs: number | undefined, ours: number | undefined): string {
  if (theirs === undefined || ours === undefined) return '';
  const ratio = theirs / ours;
  return `${ratio < 10 ? ratio.toFixed(1) : Math.round(ratio)} ×`;
}

export function duration(ms?: number): string {
  if (ms === undefined) return '';
  if (ms < 10) return `${ms.toFixed(ms < 1 ? 2 : 1)} ms`;
  return ms < 2000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

export function amount(bytes: number): string {
  if (bytes < 10_000) return `${Math.round(bytes).toLocaleString('en')} B`;
  return bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function aimText(row: Row): string {
  const aim = Object.entries(row.aim ?? {}) as [keyof Aim, number][];
  if (aim.length === 0) return '';
  const met = isMet(row);
  const verdict = met === undefined ? 'not measured' : met ? 'met' : '**missed**';
  return `${aim.map(([of, most]) => `≤ ${asked(row, of, most)}`).join(', ')}: ${verdict}`;
}

function asked(row: Row, of: keyof Aim, most: number): string {
  switch (of) {
    case 'ms':
      return duration(most);
    case 'bytes':
      return amount(most);
    case 'megabytes':
      return `${most} MB`;
    case 'percent':
      return `${most} %`;
    case 'times':
      return `${most} ×`;
    case 'stock':
      return `${most} × ${row.rivals?.[0]?.who ?? 'the stock tools'}`;
    case 'ratio':
      return most < 1 ? `1/${Math.round(1 / most)} of the best rival` : `${most} × the best rival`;
  }
}
