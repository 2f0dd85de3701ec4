/** Brings a file to a folder of a host by SFTP, so that there is all of it under its name, or nothing. */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { hostAndPort } from '../../schema/address.ts';
import { LockstepError } from '../../schema/error.ts';
import { fingerprint, openSshKey, publicBlob } from './keys.ts';
import { type Client, type Sftp, startSshClient } from './ssh2.ts';

export interface SftpTarget {
  host: string;
  port: number;
  user: string;
  /** Private key, PEM. */
  key: string;
  /** The Ed25519 key that the host must show: `ssh-ed25519 AAAA…`. */
  hostKey: string;
  /** Folder on the host; it must be there. */
  folder: string;
}

/** Until the host has let us in and speaks SFTP, milliseconds. A host that is gone later is noticed by the SSH keepalive. */
const LOGIN_MS = 30_000;
/** For a host that answers the keepalive and nothing else. */
const TRANSFER_MS = 6 * 3_600_000;
/** SFTP status of a host that does not know a request. */
const UNSUPPORTED = 8;

/**
 * Upload `file` as `name`: under a temporary name, flushed to the disk where the host can do that, and renamed at the
 * end. A file of this name and size that is there already is left alone; another one is never replaced.
 * Throws `key-mismatch`, `backup-target`, `file-exists`, `bad-usage` for a key that cannot be used.
 */
export async function putFile(target: SftpTarget, file: string, name: string): Promise<void> {
  const expected = publicBlob(target.hostKey);
  const clientKey = openSshKey(target.key);
  const socket = connect({ host: target.host, port: target.port, noDelay: true });
  socket.on('error', () => undefined);
  let offered: Buffer | undefined;
  const client = startSshClient(socket, {
    user: target.user,
    logins: [clientKey],
    acceptHostKey: blob => {
      offered = blob;
      return blob.equals(expected);
    },
  });
  // Requests that are open when the connection goes are never answered.
  const gone = once(socket, 'close').then(() => Promise.reject(new Error('the connection was lost')));
  gone.catch(() => undefined);
  let late = setTimeout(() => socket.destroy(), LOGIN_MS);
  try {
    await Promise.race([loggedIn(client), gone]);
    const sftp = await Promise.race([openSftp(client), gone]);
    clearTimeout(late);
    late = setTimeout(() => socket.destroy(), TRANSFER_MS);
    await Promise.race([put(sftp, file, `${target.folder}/${name}`, `${target.folder}/.${name}.part`), gone]);
  } catch (error) {
    if (offered !== undefined && !offered.equals(expected)) throw strangeKey(target, expected, offered);
    throw error instanceof LockstepError ? error : notTaken(target, error as Error);
  } finally {
    clearTimeout(late);
    client.end();
    socket.destroy();
  }
}

function loggedIn(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once('ready', resolve).once('error', reject);
  });
}

function openSftp(client: Client): Promise<Sftp> {
  return new Promise((resolve, reject) => {
    client.sftp((error, sftp) => (error ? reject(error) : resolve(sftp)));
  });
}

async function put(sftp: Sftp, file: string, to: string, temporary: string): Promise<void> {
  const { size } = await stat(file);
  const there = await sizeOf(sftp, to);
  if (there === size) return;
  if (there !== undefined)
    throw new LockstepError('file-exists', `${to} is on the host already, and is another file.`, {
      hint: 'Move it away there.',
      facts: { path: to },
    });
  try {
    await write(sftp, file, temporary);
    const arrived = await sizeOf(sftp, temporary);
    if (arrived !== size) throw new Error(`${arrived ?? 0} of ${size} bytes arrived`);
    await asked(done => sftp.rename(temporary, to, done));
  } catch (error) {
    await asked(done => sftp.unlink(temporary, done)).catch(() => undefined);
    throw error;
  }
}

async function write(sftp: Sftp, file: string, temporary: string): Promise<void> {
  const out = sftp.createWriteStream(temporary, { flags: 'w', mode: 0o600, autoClose: false });
  const source = createReadStream(file);
  sftp.once('close', () => source.destroy());
  const [handle] = (await once(out, 'open')) as [Buffer];
  await pipeline(source, out);
  await flushed(sftp, handle);
  await asked(done => sftp.close(handle, done));
}

/** Hosts other than OpenSSH may not know how. */
async function flushed(sftp: Sftp, handle: Buffer): Promise<void> {
  try {
    await asked(done => sftp.ext_openssh_fsync(handle, done));
  } catch (error) {
    const { code, message } = error as Error & { code?: number };
    if (code !== UNSUPPORTED && !/not support/.test(message)) throw error;
  }
}

function sizeOf(sftp: Sftp, path: string): Promise<number | undefined> {
  return new Promise(resolve => {
    sftp.stat(path, (error, stats) => resolve(error ? undefined : stats.size));
  });
}

function asked(request: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => request(error => (error ? reject(error) : resolve())));
}

function notTaken({ host, port }: SftpTarget, error: Error): LockstepError {
  return new LockstepError(
    'backup-target',
    `${hostAndPort(host, port)} did not take the bundle: ${error.message}.`,
    {
      hint: 'Look at user, key and folder, and at the space there; nothing unfinished has the name of a bundle.',
      facts: { host, port },
    },
  );
}

function strangeKey({ host, port }: SftpTarget, expected: Buffer, offered: Buffer): LockstepError {
  return new LockstepError(
    'key-mismatch',
    `${hostAndPort(host, port)} shows the key ${fingerprint(offered)}, which is not the pinned ${fingerprint(expected)}. Nothing was sent.`,
    {
      hint: 'If the host was replaced on purpose, set backupSchedule/hostKey. Otherwise somebody is in between.',
      facts: { host, port, pinned: fingerprint(expected), offered: fingerprint(offered) },
    },
  );
}
