/** Which keys a person or program logs in with: --identity, the SSH agent, or the usual files in ~/.ssh. */
import { readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { LockstepError } from '../../schema/error.ts';
import { isSshPublicKey } from '../../schema/ssh-key.ts';
import { laxPermissions, openSshKey } from '../../sync/ssh/keys.ts';
import { agentKeys, type OwnKey, readOwnKey } from '../../sync/ssh/ssh2.ts';
import { askKnownSecret } from '../prompt.ts';
import { readText } from '../read.ts';

/** A unit ends the connection of who tries more. */
const MAX_KEYS = 5;
const USUAL_FILES = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/** Throws `bad-usage` when there is none, or the one that was named cannot be used; `lax-permissions`. */
export async function ownKeys(identity: string | undefined, interactive: boolean): Promise<OwnKey[]> {
  const agent = process.env.SSH_AUTH_SOCK;
  const held = agent === undefined || agent === '' ? [] : await agentKeys(agent);
  const keys =
    identity === undefined ? await usualKeys(held, interactive) : [await keyOf(identity, held, interactive)];
  if (keys.length > 0) return keys.slice(0, MAX_KEYS);
  throw new LockstepError('bad-usage', 'There is no SSH key to log in with.', {
    hint: 'Name one with --identity FILE, or add one to the agent: ssh-add.',
  });
}

async function usualKeys(held: OwnKey[], interactive: boolean): Promise<OwnKey[]> {
  const keys = [...held];
  const locked: string[] = [];
  for (const name of USUAL_FILES) {
    const file = join(homedir(), '.ssh', name);
    const text = await readFile(file, 'utf8').catch(() => undefined);
    const key = text === undefined ? undefined : readOwnKey(text);
    if (key === 'encrypted') locked.push(file);
    else if (key !== undefined && !keys.some(({ line }) => line === key.line)) keys.push(key);
  }
  const [file] = locked;
  return keys.length === 0 && file !== undefined ? [await keyOf(file, held, interactive)] : keys;
}

/** `file`: a private key, or the public half of one that the agent holds. */
async function keyOf(file: string, held: OwnKey[], interactive: boolean): Promise<OwnKey> {
  const text = await readText(file);
  const asked = publicLineOf(text);
  if (asked !== undefined) return heldKey(asked, held) ?? refused(file, 'The agent does not hold this key');
  await assertPrivate(file);
  const key = readOwnKey(await pemOf(text));
  if (key === undefined) return refused(file, 'It is not a private key that can be used');
  if (key !== 'encrypted') return key;
  const beside = publicLineOf(await readFile(`${file}.pub`, 'utf8').catch(() => ''));
  const inAgent = beside === undefined ? undefined : heldKey(beside, held);
  if (inAgent !== undefined) return inAgent;
  if (!interactive) return refused(file, 'It is protected by a passphrase, and nobody can be asked for it');
  const opened = readOwnKey(text, await askKnownSecret(`Passphrase of ${file}`));
  return typeof opened === 'object' ? opened : refused(file, 'The passphrase does not open it');
}

/** ssh2 knows no PKCS #8. */
async function pemOf(text: string): Promise<string> {
  return text.includes('-----BEGIN PRIVATE KEY-----') ? openSshKey(text) : text;
}

function publicLineOf(text: string): string | undefined {
  const line = text.trim().split(/\s+/).slice(0, 2).join(' ');
  return isSshPublicKey(line) ? line : undefined;
}

function heldKey(line: string, held: OwnKey[]): OwnKey | undefined {
  return held.find(key => key.line === line);
}

async function assertPrivate(file: string): Promise<void> {
  const { mode } = await stat(file);
  if ((mode & 0o077) !== 0) throw laxPermissions(file, mode);
}

function refused(file: string, why: string): never {
  throw new LockstepError('bad-usage', `${file} cannot be used to log in. ${why}.`, {
    hint: 'The agent can hold the key: ssh-add FILE; then it is found by itself.',
    facts: { file },
  });
}
