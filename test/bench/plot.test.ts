import assert from 'node:assert/strict';
import { XMLValidator } from 'fast-xml-parser';
import { UPDATE } from '../../bench/acts.ts';
import { drawPlot, type Plot } from '../../bench/plot.ts';
import { latencyPlot, wirePlot } from '../../bench/plots.ts';

const PLOT: Plot = {
  title: 'latency <of> "rsync" & others',
  x: { label: 'size', tick: String },
  y: { label: 'ms', tick: String },
  series: [
    {
      name: 'slow',
      colour: '#111111',
      points: [
        [10, 1],
        [1000, 100],
      ],
    },
    {
      name: 'slower',
      colour: '#222222',
      points: [
        [10, 1000],
        [1000, 10_000],
      ],
    },
    { name: 'absent', colour: '#333333', points: [] },
  ],
};

describe('a plot', () => {
  it('is well-formed, whatever its names hold', () => {
    assert.equal(XMLValidator.validate(drawPlot(PLOT)), true);
  });

  it('has logarithmic axes: a hundred times as much is as far everywhere', () => {
    const [slow, slower] = paths(drawPlot(PLOT), ['#222222', '#111111']);
    const rise = (points: number[][]): number => (points[0]?.[1] ?? 0) - (points[1]?.[1] ?? 0);
    assert.ok(Math.abs(rise(slower ?? []) - 2 * rise(slow ?? [])) < 0.3);
  });

  it('names what it shows, the slowest first, and leaves out who was not measured', () => {
    const names = [...drawPlot(PLOT).matchAll(/>(slow|slower|absent)</g)].map(([, name]) => name);
    assert.deepEqual(names, ['slower', 'slow']);
  });

  it('of nothing is refused', () => {
    assert.throws(() => drawPlot({ ...PLOT, series: [] }), /nothing to draw/);
  });
});

describe('the page of plots', () => {
  const figures = [1000, 10_000].map(services => ({
    what: UPDATE,
    services,
    measured: { ms: 4, bytes: 900 },
    floorMs: 0.5,
    rivals: [{ who: 'rsync, one document', cost: { ms: services / 10, bytes: services } }],
  }));

  it('shows latency and bytes on the wire against size, beside the rivals', () => {
    for (const svg of [latencyPlot(figures), wirePlot(figures)]) {
      assert.equal(XMLValidator.validate(svg), true);
      assert.match(svg, />rsync, one document</);
      assert.match(svg, />Lockstep: Force Update</);
    }
  });
});

/** The points of the lines of these colours. */
function paths(svg: string, colours: string[]): number[][][] {
  return colours.map(colour => {
    const [, way = ''] = new RegExp(`<path d="M([^"]*)" fill="none" stroke="${colour}"`).exec(svg) ?? [];
    return way.split('L').map(point => point.split(' ').map(Number));
  });
}
