/**
 * Where everything lies in the store. Ids have no space in their alphabet, so a space parts what a key is made of.
 *
 * | key | value |
 * |---|---|
 * | `head` | JSON: see Head |
 * | `p PATH` | canonical JSON of the pair half of a record |
 * | `u PATH` | canonical JSON of its unit half |
 * | `t LEVEL INDEX` | node of the digest tree |
 * | `e BUCKET` | paths and hashes of its records, the leaves of the digest tree (see store/digest.ts) |
 * | `f TARGET SOURCE` | empty: the record SOURCE refers to TARGET |
 * | `q COLLECTION FIELD VALUE` | path of the record that holds a unique value |
 * | `r REVISION` | JSON: header of a revision |
 * | `c REVISION CHUNK` | JSON: some records before and after |
 * | `h PATH REVISION` | in which chunk the revision tells what it did to the record |
 * | `g DIGEST` | the latest revision with this digest |
 * | `oldest` | JSON: the oldest revision that is kept (see store/pruning.ts) |
 * | `a PATH` | JSON: of revisions that are gone, which one changed the shared half of the record last |
 * | `m FILE` | JSON: what the mirror has written to a file |
 * | `l NAME` | JSON: facts of this unit alone |
 * | `n PATH` | JSON: the pair half before a change that waits to be confirmed |
 * | `o PATH` | JSON: the unit half before it |
 * | `b NAME` | JSON: header of a branch |
 * | `d NAME NUMBER` | JSON: one record where both sides parted, and where the branch ended |
 */
export const keys = {
  head: 'head',
  oldest: 'oldest',
  pair: (path: string) => `p ${path}`,
  unit: (path: string) => `u ${path}`,
  node: (level: number, index: number) => `t ${level} ${index.toString(16).padStart(4, '0')}`,
  bucket: (bucket: number) => `e ${bucket.toString(16).padStart(4, '0')}`,
  referrer: (target: string, source: string) => `f ${target} ${source}`,
  referrers: (target: string) => `f ${target} `,
  unique: (collection: string, field: string, value: string) =>
    `q ${collection} ${field} ${Buffer.from(value).toString('base64url').slice(0, 400)}`,
  revision: (revision: number) => `r ${padded(revision)}`,
  changes: (revision: number, chunk: number) => `c ${padded(revision)} ${padded(chunk)}`,
  allChanges: (revision: number) => `c ${padded(revision)} `,
  history: (path: string, revision: number) => `h ${path} ${padded(revision)}`,
  digest: (digest: string) => `g ${digest}`,
  lastChange: (path: string) => `a ${path}`,
  mirror: (file: string) => `m ${file}`,
  local: (name: string) => `l ${name}`,
  pairBefore: (path: string) => `n ${path}`,
  unitBefore: (path: string) => `o ${path}`,
  branch: (name: string) => `b ${name}`,
  branchChange: (name: string, index: number) => `d ${name} ${padded(index)}`,
  branchChanges: (name: string) => `d ${name} `,
};

function padded(revision: number): string {
  return String(revision).padStart(12, '0');
}

/** The part of a key behind its last space. */
export function lastPart(key: string): string {
  return key.slice(key.lastIndexOf(' ') + 1);
}
