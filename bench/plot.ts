/** Pure: a plot with two logarithmic axes as SVG, readable on light and on dark. */

export interface Plot {
  title: string;
  x: Axis;
  y: Axis;
  series: Series[];
}

export interface Axis {
  label: string;
  /** What stands at a power of ten. */
  tick(value: number): string;
}

export interface Series {
  name: string;
  colour: string;
  /** Of a stroke and of a gap, as SVG writes them; none: a whole line. */
  dash?: string;
  /** Ours. */
  strong?: boolean;
  points: [x: number, y: number][];
}

const WIDTH = 880;
const HEIGHT = 500;
const AREA = { left: 92, top: 48, right: 552, bottom: 440 };
const LEGEND = { left: AREA.right + 28, stroke: 30, line: 24 };
/** Of the axes, on each side of what is drawn: as a power of ten. */
const MARGIN = 0.12;

const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .card { fill: #ffffff }
  .grid { stroke: #d1d9e0 }
  .minor { stroke: #eef1f4 }
  .axis { stroke: #59636e }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .card { fill: #0d1117 }
    .grid { stroke: #30363d }
    .minor { stroke: #1b2129 }
    .axis { stroke: #9198a1 }
  }`;

interface Scale {
  from: number;
  to: number;
  at(value: number): number;
}

/** Series without points are left out. Throws when nothing is left. */
export function drawPlot({ title, x, y, series: all }: Plot): string {
  const series = all.filter(({ points }) => points.length > 0).toSorted(byLastPoint);
  const points = series.flatMap(each => each.points);
  if (points.length === 0) throw new RangeError(`nothing to draw: ${title}`);
  const across = scale(
    points.map(([value]) => value),
    AREA.left,
    AREA.right,
  );
  const up = scale(
    points.map(([, value]) => value),
    AREA.bottom,
    AREA.top,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">`,
    `<style>${STYLE}\n</style>`,
    `<rect class="card" width="${WIDTH}" height="${HEIGHT}" rx="8"/>`,
    text(AREA.left, 28, title, 'class="title"'),
    ...gridX(across, x),
    ...gridY(up, y),
    ...series.map(each => line(each, across, up)),
    ...series.flatMap(legend),
    '</svg>\n',
  ].join('\n');
}

/** The legend reads as the lines end: the slowest at the top. */
function byLastPoint(one: Series, other: Series): number {
  return (other.points.at(-1)?.[1] ?? 0) - (one.points.at(-1)?.[1] ?? 0);
}

function scale(values: number[], start: number, end: number): Scale {
  const logs = values.map(Math.log10);
  const from = Math.min(...logs) - MARGIN;
  const to = Math.max(...logs) + MARGIN;
  return { from, to, at: value => start + ((Math.log10(value) - from) / (to - from)) * (end - start) };
}

/** 1, 2 … 9 times each power of ten within the scale; whether it is a power itself. */
function* ticks({ from, to }: Scale): Generator<{ value: number; power: boolean }> {
  for (let exponent = Math.floor(from); exponent <= Math.ceil(to); exponent++)
    for (let digit = 1; digit <= 9; digit++) {
      const value = digit * 10 ** exponent;
      if (Math.log10(value) >= from && Math.log10(value) <= to) yield { value, power: digit === 1 };
    }
}

function gridX(across: Scale, axis: Axis): string[] {
  const lines = [...ticks(across)].map(({ value, power }) => {
    const at = round(across.at(value));
    const drawn = `<path class="${power ? 'grid' : 'minor'}" d="M${at} ${AREA.top}V${AREA.bottom}"/>`;
    return power
      ? `${drawn}\n${text(at, AREA.bottom + 20, axis.tick(value), 'text-anchor="middle"')}`
      : drawn;
  });
  const middle = (AREA.left + AREA.right) / 2;
  return [
    ...lines,
    `<path class="axis" d="M${AREA.left} ${AREA.bottom}H${AREA.right}"/>`,
    text(middle, AREA.bottom + 44, axis.label, 'text-anchor="middle"'),
  ];
}

function gridY(up: Scale, axis: Axis): string[] {
  const lines = [...ticks(up)].map(({ value, power }) => {
    const at = round(up.at(value));
    const drawn = `<path class="${power ? 'grid' : 'minor'}" d="M${AREA.left} ${at}H${AREA.right}"/>`;
    return power ? `${drawn}\n${text(AREA.left - 8, at + 4, axis.tick(value), 'text-anchor="end"')}` : drawn;
  });
  const middle = (AREA.top + AREA.bottom) / 2;
  return [
    ...lines,
    `<path class="axis" d="M${AREA.left} ${AREA.top}V${AREA.bottom}"/>`,
    text(0, 0, axis.label, `text-anchor="middle" transform="translate(20 ${middle}) rotate(-90)"`),
  ];
}

function line(series: Series, across: Scale, up: Scale): string {
  const at = series.points.map(([x, y]) => [round(across.at(x)), round(up.at(y))] as const);
  const marks = at.map(
    ([x, y]) => `<circle cx="${x}" cy="${y}" r="${series.strong ? 4.5 : 3}" fill="${series.colour}"/>`,
  );
  return [`<path d="M${at.map(point => point.join(' ')).join('L')}" ${stroke(series)}/>`, ...marks].join(
    '\n',
  );
}

function legend(series: Series, index: number): string[] {
  const y = AREA.top + 8 + index * LEGEND.line;
  const end = LEGEND.left + LEGEND.stroke;
  const weight = series.strong ? 'font-weight="600"' : '';
  return [
    `<path d="M${LEGEND.left} ${y}H${end}" ${stroke(series)}/>`,
    text(end + 8, y + 4, series.name, weight),
  ];
}

function stroke({ colour, dash, strong }: Series): string {
  const dashes = dash === undefined ? '' : ` stroke-dasharray="${dash}"`;
  return `fill="none" stroke="${colour}" stroke-width="${strong ? 3.5 : 1.8}"${dashes}`;
}

function text(x: number, y: number, words: string, attributes = ''): string {
  return `<text x="${x}" y="${y}" ${attributes}>${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
