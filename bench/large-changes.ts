/** Changes of everything at once: how long they take, and how long a unit is silent meanwhile. */
import path from 'node:path';
import { TestUnit } from '../test/e2e/daemon.ts';
import type { Bench } from './bench.ts';
import { costOf, type Figure } from './figure.ts';
import { endPair, fill, forceUpdate, startPair, untilMirrored, watched } from './pair.ts';
import { scratchFolder } from './scratch.ts';
import { parts, serviceId, siteCapture, siteDocument } from './site.ts';
import { timed } from './timing.ts';

/** A capture and a document are one request of at most 64 MiB. */
const LARGEST = 20_000;
const SHOWS = 50;

export const largeChanges: Bench = {
  name: 'large',
  run: async ({ sizes, say }) => {
    const figures: Figure[] = [];
    for (const [number, services] of sizes.filter(size => size <= LARGEST).entries()) {
      say(`${services.toLocaleString('en')} Virtual Services`);
      figures.push(await importing(services), ...(await changing(services, number)));
    }
    return figures;
  },
};

async function importing(services: number): Promise<Figure> {
  const { folder, remove } = scratchFolder();
  const unit = new TestUnit(path.join(folder, 'lb'), '127.0.71.3', { timeoutMs: 15 * 60_000 });
  await unit.init({ mode: 'single', name: 'lb' });
  await unit.start('--no-mirror');
  try {
    const text = siteCapture([...parts(services, services)].flat());
    const act = (): Promise<unknown> =>
      unit.api.call('importLoadMaster', { files: [{ name: 'listvs.xml', text }] });
    const what = `import of listvs.xml (${(text.length / 1e6).toFixed(1)} MB) into a single unit`;
    return { services, what, measured: await watched([unit], act) };
  } finally {
    await unit.kill();
    remove();
  }
}

async function changing(services: number, number: number): Promise<Figure[]> {
  const { folder, remove } = scratchFolder();
  const pair = await startPair(path.join(folder, 'pair'), number);
  const { active, standby } = pair;
  const figures: Figure[] = [];
  const measure = async (what: string, act: () => Promise<unknown>): Promise<void> => {
    figures.push({ services, what, measured: await watched([active, standby], act) });
  };
  try {
    await measure('apply everything as a document', () => fill(active, services));
    await measure('first update of an empty standby, mirror on', () => forceUpdate(pair));
    await measure('… until every file of both mirrors is written', () =>
      untilMirrored([pair.active, pair.standby], services),
    );
    figures.push(await showing(active, services));
    await measure('show of everything', () => active.api.call('show', {}));
    const { revision } = (await active.status()).unit;
    const [tenth = []] = parts(Math.ceil(services / 10), services);
    const document = siteDocument(tenth);
    await measure('apply --replace that removes nine tenths', () =>
      active.api.call('apply', { document, replace: true }),
    );
    await measure('… and its update', () => forceUpdate(pair));
    await measure('rollback of that', () => active.api.call('rollback', { revision }));
    return figures;
  } finally {
    await endPair(pair);
    remove();
  }
}

async function showing(unit: TestUnit, services: number): Promise<Figure> {
  const samples: number[] = [];
  const wanted = { path: `virtualServices/${serviceId(services >> 1)}` };
  for (let round = 0; round < SHOWS; round++)
    samples.push((await timed(() => unit.api.call('show', wanted))).ms);
  return { services, what: 'show of one Virtual Service, over the API', measured: costOf(samples) };
}
