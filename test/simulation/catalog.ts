import { type Catalog, loadCatalog } from '../../schema/catalog.ts';

/** Immutable, so all units of all seeds share it: schemas are compiled once. */
export const catalog: Catalog = loadCatalog();
