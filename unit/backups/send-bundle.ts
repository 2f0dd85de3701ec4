import { putFile } from '../../sync/ssh/sftp.ts';
import type { SendBundle } from './runner.ts';

const SSH_PORT = 22;

/** By SFTP, to the host and folder of the schedule; nothing of `remote` is missing. */
export const sendBundle: SendBundle = async (remote, file, name) => {
  const { host = '', user = '', path = '', key = '', hostKey = '' } = remote;
  const [, bare = host, port] = /^(.*?)(?::(\d+))?$/.exec(host) ?? [];
  const target = {
    host: bare.replace(/^\[(.*)\]$/, '$1'),
    port: port === undefined ? SSH_PORT : Number(port),
    user,
    key,
    hostKey,
    folder: path.replace(/(?<=.)\/+$/, ''),
  };
  await putFile(target, file, name);
  return `sftp://${user}@${host}${target.folder.startsWith('/') ? '' : '/'}${target.folder}/${name}`;
};
