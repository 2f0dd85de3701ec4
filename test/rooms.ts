/** The folders that the program is made of. */
export const ROOMS = [
  'host',
  'schema',
  'loadmaster',
  'store',
  'sync',
  'backup',
  'certs',
  'audit',
  'unit',
  'api',
  'replace',
  'cli',
];
