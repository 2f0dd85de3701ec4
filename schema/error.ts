/**
 * Every refusal and failure that Lockstep can answer with. A code is stable: scripts may rely on it.
 *
 * `class` decides the exit code of the CLI and the status of the HTTP API:
 * usage 2 / 400 · forbidden 3 / 403 · refused 3 / 409 · missing 3 / 404 · unreachable 4 / 503 · damaged 5 / 500.
 */
export const ERROR_CODES = {
  'bad-usage': { class: 'usage', means: 'the command or request is not well formed' },

  'bad-json': { class: 'refused', means: 'a document is not valid JSON' },
  'duplicate-key': { class: 'refused', means: 'a JSON object names the same key twice' },
  'reserved-key': { class: 'refused', means: 'a JSON object uses a name that JavaScript reserves' },
  'number-out-of-range': { class: 'refused', means: 'a number cannot be kept exactly' },
  'nested-too-deep': { class: 'refused', means: 'a document is nested deeper than 64 levels' },
  'too-large': { class: 'refused', means: 'a document or message is larger than its limit' },

  'no-permission': { class: 'refused', means: 'the system does not let this user get at a file' },
  'no-such-file': { class: 'missing', means: 'a file or its folder is not there' },

  'unknown-path': { class: 'missing', means: 'no kind of record lives at this path' },
  'no-such-record': { class: 'missing', means: 'the path is good, but nothing is there' },
  'no-such-revision': { class: 'missing', means: 'the history holds no such revision' },
  'history-pruned': { class: 'missing', means: 'a revision is older than the history that is kept' },
  'no-such-branch': { class: 'missing', means: 'there is no such branch, or it was merged already' },
  'bad-id': { class: 'refused', means: 'the last part of a path is not a valid id of its kind' },
  'invalid-value': { class: 'refused', means: 'a record does not satisfy the schema of its kind' },
  'invalid-change': { class: 'refused', means: 'one or more records of a change are not valid' },
  'id-mismatch': { class: 'refused', means: 'the fields that make up the id say something else than the id' },
  'parent-missing': { class: 'refused', means: 'a record lives below one that does not exist' },
  'dangling-reference': { class: 'refused', means: 'a record refers to one that does not exist' },
  'not-unique': { class: 'refused', means: 'two records hold a value that may exist only once' },
  'rule-broken': { class: 'refused', means: 'a rule across records is not kept' },
  'secret-in-arguments': { class: 'refused', means: 'a secret was given where other users can read it' },
  'secret-unknown': { class: 'refused', means: 'a masked secret came back, but there is none to keep' },
  'bad-schema': { class: 'refused', means: 'a schema file of the site cannot be used' },
  'bad-capture': { class: 'refused', means: 'a file is not a capture of a LoadMaster' },

  conflict: { class: 'refused', means: 'the configuration changed since the caller looked' },
  'too-many-followers': { class: 'refused', means: 'as many follow the unit as it can serve' },
  provisional: { class: 'refused', means: 'another change waits to be confirmed' },
  'nothing-to-confirm': { class: 'missing', means: 'no change waits to be confirmed' },
  'not-active': { class: 'refused', means: 'shared configuration is changed on the active unit only' },
  'not-standby': { class: 'refused', means: 'the unit is not the standby' },
  'not-paired': { class: 'refused', means: 'the unit has no partner' },
  'already-paired': { class: 'refused', means: 'the unit has a partner already' },
  'bad-code': { class: 'refused', means: 'a pairing code is wrong, used or expired' },
  'key-mismatch': { class: 'refused', means: 'the other side shows a key other than the pinned one' },
  'both-active': { class: 'refused', means: 'both units say that they are active' },
  'fallen-back': {
    class: 'refused',
    means: 'the disk of a unit fell back: it is older than what its partner took from it',
  },
  mismatch: { class: 'refused', means: 'the units differ in something that must be equal' },
  'held-back': {
    class: 'refused',
    means: 'the partner runs a release that describes a kind of record differently',
  },
  'unit-scope': { class: 'refused', means: 'an update holds configuration that never leaves a unit' },
  'stale-epoch': { class: 'refused', means: 'the sender was active before the last takeover' },
  'base-differs': { class: 'refused', means: 'an update starts from another state than the one held here' },
  'digest-differs': { class: 'refused', means: 'an update would not give the state that it promises' },
  'bad-message': { class: 'refused', means: 'a message of the partner is not part of the protocol' },
  'never-a-source': { class: 'refused', means: 'an empty or unpaired unit cannot be a source' },
  paused: { class: 'refused', means: 'somebody has paused the updates, and nobody has resumed them yet' },
  pacified: { class: 'refused', means: 'the unit restarted too often and takes part in nothing' },
  'takeover-incomplete': { class: 'refused', means: 'a takeover would lose changes that the partner holds' },

  'merge-conflict': {
    class: 'refused',
    means: 'both sides changed one thing, and nobody decided which stays',
  },

  'restore-certificates': {
    class: 'refused',
    means: 'a certificate bundle was given where a configuration bundle is restored',
  },
  'restore-configuration': {
    class: 'refused',
    means: 'a configuration bundle was given where certificates are restored',
  },
  'restore-no-certificate': {
    class: 'refused',
    means: 'a certificate is to be restored that the bundle does not hold',
  },
  'restore-key-unfit': {
    class: 'refused',
    means: 'a certificate of the bundle cannot be read, or its key does not belong to it',
  },
  'certificates-differ': {
    class: 'refused',
    means: 'the unit has other certificates of the same name, and nobody decided which stand',
  },
  'restore-no-part': { class: 'refused', means: 'a part is to be restored that the bundle does not hold' },
  'restore-single-on-ha': {
    class: 'refused',
    means: 'the base of a single unit does not go onto a unit of a pair',
  },
  'restore-ha-on-single': {
    class: 'refused',
    means: 'the base of a unit of a pair does not go onto a single unit',
  },
  'restore-not-in-ha-mode': {
    class: 'refused',
    means: 'the base of a unit of a pair goes onto a unit in HA first or HA second mode only',
  },
  'restore-old-unit': {
    class: 'refused',
    means: 'a unit of a pair is to become another unit, which may be alive',
  },
  'restore-esp': { class: 'refused', means: 'Virtual Services with ESP do not go onto a unit without it' },
  'restore-unknown-kind': {
    class: 'refused',
    means: 'the bundle holds records of kinds that are unknown here',
  },
  'restore-dangling': {
    class: 'refused',
    means: 'what is restored, or stays, would refer to records that are not there',
  },
  'restore-invalid': { class: 'refused', means: 'the schema of this unit refuses records of the bundle' },
  'backup-method': { class: 'refused', means: 'no bundle is sent the way that the schedule says' },
  'backup-unset': { class: 'refused', means: 'the backup schedule lacks something that a run needs' },
  'backup-target': { class: 'unreachable', means: 'the host that bundles go to did not take one' },
  'drill-failed': { class: 'damaged', means: 'a bundle does not give back what it was made of' },
  'no-such-bundle': { class: 'missing', means: 'the folder of the unit holds no such bundle' },
  'no-such-upload': { class: 'missing', means: 'the bundle was not uploaded, or the upload is gone again' },

  'certificate-refused': {
    class: 'refused',
    means: 'a certificate, its key or its chain would not serve, and is not kept',
  },
  'certificate-exists': { class: 'refused', means: 'there is a certificate of this name already' },
  'certificate-in-use': { class: 'refused', means: 'records still refer to the certificate' },
  'certificate-older': { class: 'refused', means: 'the certificate that is kept is newer than this one' },
  'no-such-certificate': { class: 'missing', means: 'there is no certificate of this name' },
  'role-refused': { class: 'forbidden', means: 'the role of the operator does not allow it' },
  'unknown-host-key': { class: 'refused', means: 'nobody has said yet that the host key of a unit is good' },
  'hook-failed': { class: 'refused', means: 'a program of the folder hooks did not do its work' },
  'replace-step': { class: 'refused', means: 'a step of a replacement cannot be taken, or did not end' },
  'no-replacement': { class: 'missing', means: 'the folder holds no replacement of units' },
  'bad-proof': { class: 'damaged', means: 'a file does not prove that both units held one state' },

  'partner-unreachable': { class: 'unreachable', means: 'the partner does not answer' },
  'unit-unreachable': { class: 'unreachable', means: 'the daemon of the unit does not answer' },

  'certificate-unreadable': {
    class: 'refused',
    means: 'a file holds neither a certificate nor a key that can be read',
  },
  'certificate-missing': { class: 'refused', means: 'the files hold no certificate' },
  'certificates-several': {
    class: 'refused',
    means: 'the files hold certificates that do not belong to one chain',
  },
  'key-unreadable': { class: 'refused', means: 'a private key cannot be read' },
  'key-unfit': { class: 'refused', means: 'a private key belongs to none of the certificates' },
  'keys-several': { class: 'refused', means: 'the files hold more than one private key' },
  'passphrase-needed': { class: 'refused', means: 'a private key is encrypted, and no passphrase was given' },
  'weak-passphrase': { class: 'refused', means: 'a passphrase is too short to protect a bundle' },
  'file-exists': { class: 'refused', means: 'a file would be overwritten' },
  'newer-format': { class: 'refused', means: 'a bundle was made by a later version of Lockstep' },
  'not-a-bundle': { class: 'damaged', means: 'a file does not have the form of a bundle' },
  'wrong-passphrase': {
    class: 'refused',
    means: 'the passphrase does not open the bundle or the private key',
  },
  'damaged-bundle': { class: 'damaged', means: 'a bundle does not hold what it must hold' },

  'unit-busy': { class: 'refused', means: 'another daemon runs on this directory' },
  'unit-exists': { class: 'refused', means: 'the directory holds a unit already' },
  'no-unit': { class: 'missing', means: 'the directory holds no unit' },
  'lax-permissions': { class: 'refused', means: 'a file with secrets can be read by others' },
  disk: { class: 'refused', means: 'the disk did not take a write; nothing was changed' },
  'port-in-use': { class: 'refused', means: 'another program listens on the address' },
  'damaged-store': { class: 'damaged', means: 'the store does not hold what it must hold' },
  internal: { class: 'damaged', means: 'a fault in Lockstep itself' },
} as const satisfies Record<string, { class: ErrorClass; means: string }>;

export type ErrorClass = 'usage' | 'forbidden' | 'refused' | 'missing' | 'unreachable' | 'damaged';
export type ErrorCode = keyof typeof ERROR_CODES;

/** One finding about one place: what an invalid change is refused with, and what `status` warns of. */
export interface Problem {
  code: string;
  /** Record path, with the field behind it where there is one: `ha/virtualId`. */
  path: string;
  message: string;
  hint?: string;
}

/** The one error type of Lockstep: a stable code, a sentence, the facts behind it, and what to do next. */
export class LockstepError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly facts: Record<string, unknown>;

  constructor(
    code: ErrorCode,
    message: string,
    more: { hint?: string | undefined; facts?: Record<string, unknown> } = {},
  ) {
    super(message);
    this.name = 'LockstepError';
    this.code = code;
    this.hint = more.hint;
    this.facts = more.facts ?? {};
  }

  get class(): ErrorClass {
    return ERROR_CODES[this.code].class;
  }

  /** The shape that crosses the API and the wire: `{code, class, message, hint?, facts?}`. */
  toJSON(): ErrorBody {
    return {
      code: this.code,
      class: this.class,
      message: this.message,
      ...(this.hint === undefined ? {} : { hint: this.hint }),
      ...(Object.keys(this.facts).length === 0 ? {} : { facts: this.facts }),
    };
  }
}

export interface ErrorBody {
  code: ErrorCode;
  class: ErrorClass;
  message: string;
  hint?: string;
  facts?: Record<string, unknown>;
}

const OTHER_USER = 'Type the command as the user that the unit runs as, or with sudo.';

/** Any thrown value as a LockstepError; a value that is not ours becomes `internal`, or `disk` for a failed write. */
export function asLockstepError(error: unknown): LockstepError {
  if (error instanceof LockstepError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const errno = (error as { code?: unknown } | undefined)?.code;
  if (typeof errno === 'string' && DISK_ERRNOS.has(errno)) {
    return new LockstepError('disk', `The disk refused a write: ${message}.`, {
      hint: 'Free space or mend the disk; nothing was changed.',
      facts: { errno },
    });
  }
  const refused =
    typeof errno === 'string' ? refusedByTheSystem(errno, error as NodeJS.ErrnoException) : undefined;
  return refused ?? new LockstepError('internal', message);
}

/** What the system refuses about a file, in words that name it; undefined for anything else. */
function refusedByTheSystem(
  errno: string,
  { path, syscall }: NodeJS.ErrnoException,
): LockstepError | undefined {
  const told = FILE_ERRNOS[errno];
  if (told === undefined || path === undefined || path === '') return undefined;
  const [code, sentence, hint] = told;
  return new LockstepError(code, sentence(path), {
    hint,
    facts: { path, errno, ...(syscall && { syscall }) },
  });
}

const FILE_ERRNOS: Record<string, [code: ErrorCode, sentence: (path: string) => string, hint: string]> = {
  EACCES: ['no-permission', path => `This user may not use ${path}.`, OTHER_USER],
  EPERM: ['no-permission', path => `This user may not use ${path}.`, OTHER_USER],
  ENOENT: ['no-such-file', path => `There is no ${path}.`, 'Is the folder there, and the name right?'],
  ENOTDIR: ['no-such-file', path => `A part of ${path} is not a folder.`, 'Is the name right?'],
  EISDIR: ['no-such-file', path => `${path} is a folder, not a file.`, 'Name a file.'],
};

const DISK_ERRNOS = new Set(['ENOSPC', 'EROFS', 'EIO', 'EDQUOT', 'EFBIG']);
