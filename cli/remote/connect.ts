/** The unit of --unit, over SSH: the same API as over its socket. */
import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { hostAndPort } from '../../schema/address.ts';
import { asLockstepError, LockstepError } from '../../schema/error.ts';
import { type Control, dialControl } from '../../sync/ssh/client.ts';
import type { ControlStream } from '../../sync/ssh/control.ts';
import { fingerprint, publicBlob } from '../../sync/ssh/keys.ts';
import type { Output } from '../output.ts';
import { askYesNo } from '../prompt.ts';
import { readText } from '../read.ts';
import { addition, judgeHostKey, type KnownHostsFile, knownHostsLine, type Verdict } from './known-hosts.ts';
import { ownKeys } from './own-keys.ts';

const DIAL_MS = 20_000;
const SYSTEM_FILE = '/etc/ssh/ssh_known_hosts';

export interface RemoteOptions {
  host: string;
  port: number;
  /** File of a private key, or of the public half of one that the agent holds. */
  identity?: string | undefined;
  /** `SHA256:…`, a public key, or a file that holds one; then known_hosts is not looked at. */
  hostKey?: string | undefined;
  interactive: boolean;
  out: Output;
  /** Gives the login up. */
  signal?: AbortSignal | undefined;
}

/** Logs in when the first stream is asked for. */
export class RemoteConnection {
  readonly #options: RemoteOptions;
  #control: Promise<Control> | undefined;

  constructor(options: RemoteOptions) {
    this.#options = options;
  }

  /** Throws `unit-unreachable`, `unknown-host-key`, `key-mismatch`, and what ownKeys throws. */
  open = async (): Promise<ControlStream> => {
    this.#control ??= connect(this.#options);
    try {
      return await (await this.#control).open();
    } catch (error) {
      this.#control = undefined; // whoever asks again, such as status --watch, logs in again
      throw asUnitError(asLockstepError(error));
    }
  };

  async close(): Promise<void> {
    const control = await this.#control?.catch(() => undefined);
    control?.close();
  }
}

async function connect(options: RemoteOptions): Promise<Control> {
  const { host, port, identity, interactive } = options;
  const pinned = options.hostKey === undefined ? undefined : await pinnedFingerprint(options.hostKey);
  const files = pinned === undefined ? await knownHosts() : [];
  const keys = await ownKeys(identity, interactive);
  let offered: Buffer | undefined;
  const judge = (blob: Buffer): Verdict => {
    if (pinned === undefined) return judgeHostKey(files, host, port, blob);
    return pinned === fingerprint(blob) ? { is: 'known' } : { is: 'changed', file: '--host-key', line: 0 };
  };
  const attempt = (trusted: Buffer | undefined): Promise<Control> =>
    dialControl({
      host,
      port,
      logins: keys.map(({ login }) => login),
      acceptHostKey: blob => {
        offered = blob;
        return trusted === undefined ? judge(blob).is === 'known' : blob.equals(trusted);
      },
      timeoutMs: DIAL_MS,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    }).catch(error => {
      if (error.facts?.reason === 'login-refused')
        throw notAdmitted(
          options,
          keys.map(({ line }) => line),
        );
      throw error;
    });
  try {
    return await attempt(undefined);
  } catch (error) {
    if (!(error instanceof LockstepError) || error.code !== 'key-mismatch' || offered === undefined)
      throw error;
    await assertGood(options, judge(offered), offered, pinned);
    return attempt(offered);
  }
}

/** Throws unless a person says that the key is the right one; then it is remembered. */
async function assertGood(
  options: RemoteOptions,
  verdict: Verdict,
  blob: Buffer,
  pinned: string | undefined,
): Promise<void> {
  const { host, port, interactive, out } = options;
  if (verdict.is === 'known') return; // written meanwhile
  if (verdict.is !== 'unknown') throw strangeKey(options, verdict, blob, pinned);
  const line = knownHostsLine(host, port, blob);
  const shown = fingerprint(blob);
  if (!interactive)
    throw new LockstepError(
      'unknown-host-key',
      `Nobody has said yet that ${hostAndPort(host, port)} has the key ${shown}. Nothing was sent.`,
      {
        hint: `Compare it with the unit (there: ssh-keygen -lf DIR/keys/host_ed25519), then add to ~/.ssh/known_hosts: ${line}`,
        facts: { host, port, offered: shown, line },
      },
    );
  out.note(`${hostAndPort(host, port)} shows the key ${shown}, which is not known here yet.`);
  if (!(await askYesNo('Is it the key of the unit?', false)))
    throw new LockstepError('unknown-host-key', 'Cancelled; nothing was sent.', {
      facts: { host, port, offered: shown },
    });
  await mkdir(sshFolder(), { recursive: true, mode: 0o700 });
  const file = join(sshFolder(), 'known_hosts');
  const text = await readFile(file, 'utf8').catch(() => '');
  await appendFile(file, addition(text, line), { mode: 0o600 });
}

async function knownHosts(): Promise<KnownHostsFile[]> {
  const found = await Promise.all(
    [join(sshFolder(), 'known_hosts'), SYSTEM_FILE].map(async file => ({
      file,
      text: await readFile(file, 'utf8').catch(() => ''),
    })),
  );
  return found.filter(({ text }) => text !== '');
}

function sshFolder(): string {
  return join(homedir(), '.ssh');
}

async function pinnedFingerprint(given: string): Promise<string> {
  if (/^SHA256:[A-Za-z0-9+/]{43}$/.test(given)) return given;
  const text = given.startsWith('ssh-') ? given : await readText(given);
  return fingerprint(publicBlob(/ssh-ed25519 [A-Za-z0-9+/]+=*/.exec(text)?.[0] ?? text));
}

function strangeKey(
  { host, port }: RemoteOptions,
  { is, ...where }: Extract<Verdict, { file: string }>,
  blob: Buffer,
  pinned: string | undefined,
): LockstepError {
  const offered = fingerprint(blob);
  const facts = { host, port, offered, ...where, ...(pinned === undefined ? {} : { pinned }) };
  const place = `${where.file}${where.line === 0 ? '' : ` line ${where.line}`}`;
  if (is === 'revoked')
    return new LockstepError(
      'key-mismatch',
      `${hostAndPort(host, port)} shows the key ${offered}, which ${place} revokes. Nothing was sent.`,
      {
        hint: 'Somebody who has a stolen key of the unit may be in between.',
        facts,
      },
    );
  return new LockstepError(
    'key-mismatch',
    `THE KEY OF ${hostAndPort(host, port)} IS NOT THE KNOWN ONE: it shows ${offered}, and ${place} says another${pinned === undefined ? '' : `, ${pinned}`}. Nothing was sent.`,
    {
      hint: 'Somebody may be in between. If the unit was set up again on purpose, remove that line and look at the new key there.',
      facts,
    },
  );
}

function notAdmitted({ host, port }: RemoteOptions, lines: string[]): LockstepError {
  const tried = lines.map(line => line.split(' ')[0]).join(', ');
  return new LockstepError(
    'unit-unreachable',
    `${hostAndPort(host, port)} admits none of the keys that were tried (${tried}).`,
    {
      hint: 'An admin lets a key in, on the unit: lockstep operator add NAME --key FILE.pub --role ROLE. Choose another with --identity FILE.',
      facts: { host, port, reason: 'login-refused', tried: lines },
    },
  );
}

/** The transport speaks of partners. */
function asUnitError(error: LockstepError): LockstepError {
  if (error.code !== 'partner-unreachable') return error;
  const { reason } = error.facts;
  if (reason !== 'no-subsystem')
    return new LockstepError('unit-unreachable', error.message, { hint: error.hint, facts: error.facts });
  return new LockstepError('unit-unreachable', 'The unit takes no commands on this connection.', {
    hint: 'Its log says why: an operator has too many connections, or the key is that of a unit.',
    facts: error.facts,
  });
}
