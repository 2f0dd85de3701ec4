/** Encrypted bundles of the configuration. */
import { type AskedOf, type FileAnswer, method } from './method.ts';
import { count, flag, list, named, number, type Of, object, oneOf, text, time } from './schema.ts';
import { dryRun, passphrase, revision, upload } from './shapes.ts';

const kind = oneOf(['configuration', 'certificates']);
const bundleName = text('Name of a bundle.', { minLength: 1, maxLength: 255 });

const facts = named(
  'BackupFacts',
  object(
    {
      kind,
      name: text('Such as ha1_2026-11-22.04-30.lockstep.'),
      revision,
      records: count(),
      keysLeftOut: count('Private keys that are not in it.'),
      estimatedBytes: count('About how many bytes there will be.'),
    },
    {},
    'What is known of a bundle before it is written.',
  ),
);
export type BackupFacts = Of<typeof facts>;

const drillAnswer = object({
  name: text(),
  sha256: text('Of the file.'),
  records: count(),
  digest: text('Of the scratch unit.'),
  seconds: number(),
});
export type DrillAnswer = Of<typeof drillAnswer>;

const keptBundle = object({
  name: text(),
  kind: oneOf(['configuration', 'certificates'], 'As its name says.'),
  bytes: count(),
  at: time(),
  proved: flag('A drill of exactly this file has passed.'),
});
export type BundleInFolder = Of<typeof keptBundle>;

const pruneAnswer = object({
  bundles: list(
    object({ name: text(), keep: flag(), reasons: list(text(), 'Why it stays, or why nothing keeps it.') }),
    'Newest first.',
  ),
  removed: list(text()),
  dryRun: flag(),
});
export type PruneAnswer = Of<typeof pruneAnswer>;

export const BACKUPS = {
  // It holds passwords, and opens with the passphrase that was asked for.
  backup: method('POST /v1/backup', 'admin', 'One state of the configuration as an encrypted bundle', facts, {
    written: 'bytes',
    question: true,
    asks: object(
      {
        passphrase: text('What the bundle is encrypted with: 12 characters or 4 words at least.', {
          minLength: 1,
          maxLength: 1024,
        }),
      },
      {
        profile: oneOf(
          ['classic', 'rfc9580'],
          'rfc9580: Argon2id and AES-GCM. Default: classic, which GnuPG can open.',
        ),
        withKeys: flag('With the private keys of certificates.'),
        kind: oneOf(
          ['configuration', 'certificates'],
          'certificates: these alone, with their private keys. Default: configuration.',
        ),
        applianceRules: flag('The passphrase has 7 to 64 letters and digits, as the appliance wants it.'),
      },
    ),
    example: { passphrase: 'correct horse battery staple', profile: 'rfc9580' },
  }),
  drill: method(
    'POST /v1/backup/drill',
    'operate',
    'Restore a bundle that was taken in on a scratch unit, and compare; the unit remembers the result',
    drillAnswer,
    {
      asks: object({
        upload,
        name: text('What the bundle is called, for log and status.', { minLength: 1, maxLength: 255 }),
        passphrase,
      }),
      example: {
        upload: '5f0c1c2e',
        name: 'ha1_2026-11-22.04-30.lockstep',
        passphrase: 'correct horse battery staple',
      },
    },
  ),
  // Whoever asks says to which host.
  sendBackup: method(
    'POST /v1/backup/send',
    'admin',
    'Send a bundle of the folder of the unit to another host by SFTP',
    object({ to: text('The address that it was sent to.') }),
    {
      asks: object(
        {
          name: bundleName,
          host: text('Host, or host:port.', { minLength: 1, maxLength: 260 }),
          user: text('User there.', { minLength: 1, maxLength: 255 }),
          path: text('Folder there.', { minLength: 1, maxLength: 1024 }),
        },
        {
          key: text('Private key to log in with. Default: that of the backup schedule.', {
            maxLength: 16_384,
          }),
          hostKey: text('Ed25519 key that the host must show. Default: that of the backup schedule.', {
            pattern: '^ssh-ed25519 [A-Za-z0-9+/]+=*$',
            maxLength: 4096,
          }),
        },
      ),
      example: {
        name: 'ha1_2026-11-22.04-30.lockstep',
        host: 'backup.example.org',
        user: 'lb',
        path: 'bundles',
      },
    },
  ),
  bundles: method(
    'GET /v1/backup/bundles',
    'read',
    'The bundles in the folder of the unit, and which of them a drill has proved',
    object({ bundles: list(keptBundle, 'Newest first.') }),
  ),
  pruneBackups: method(
    'POST /v1/backup/prune',
    'operate',
    'Remove the bundles that the retention policy does not keep',
    pruneAnswer,
    {
      asks: object({}, { dryRun, only: list(bundleName, 'Remove none but these.', { maxItems: 100_000 }) }),
      example: { dryRun: true },
    },
  ),
};

type Requests = typeof BACKUPS;
export type BackupRequest = AskedOf<Requests['backup']>;
export type DrillRequest = AskedOf<Requests['drill']>;
export type SendBackupRequest = AskedOf<Requests['sendBackup']>;
export type PruneRequest = AskedOf<Requests['pruneBackups']>;
export type BackupAnswer = FileAnswer<BackupFacts>;
export type Profile = NonNullable<BackupRequest['profile']>;
