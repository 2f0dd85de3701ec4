/** The folders that the program is made of. */
export const ROOMS = ['schema', 'store', 'sync', 'backup', 'certs', 'audit', 'unit', 'api', 'replace', 'cli'];
