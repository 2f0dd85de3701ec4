import type { BundleRecord } from '../../../backup/bundle.ts';
import { fingerprintOf } from '../../../backup/certificate-keys.ts';
import { printable } from '../../../schema/printable.ts';
import { type BundleFacts, readBundle } from '../../bundle/open.ts';
import { addPassphrase, type PassphraseOptions } from '../../bundle/passphrase.ts';
import type { CliCommand } from '../../command.ts';
import { EXIT } from '../../exit.ts';
import { byteCount, plural } from '../../quantity.ts';
import { localTime } from '../../time.ts';

const MAX_SHOWN = 10;

export const command: CliCommand<[string], PassphraseOptions> = {
  define: command => {
    addPassphrase(command.argument('<file>', 'the bundle; - is standard input'));
  },

  examples: ['lockstep backup inspect site.lockstep'],

  async run(context, options, file) {
    const certificates: HeldCertificate[] = [];
    const facts = await readBundle(context, file, options, (record, part) => {
      if (part === 'certs') certificates.push(heldCertificate(record));
    });
    context.out.answer({ ...facts, certificates }, formatFacts);
    return EXIT.done;
  },
};

/** A record of the part `certs`. */
interface HeldCertificate {
  path: string;
  /** SHA-256 of the certificate, as `AB:CD:…`. */
  fingerprint?: string;
  hasKey: boolean;
}

function heldCertificate({ path, value }: BundleRecord): HeldCertificate {
  const fingerprint = fingerprintOf(value);
  return { path, ...(fingerprint === undefined ? {} : { fingerprint }), hasKey: value.key !== undefined };
}

function formatFacts({
  file,
  bytes,
  profile,
  manifest,
  certificates,
}: BundleFacts & { certificates: HeldCertificate[] }): string {
  const { unit, keysLeftOut = [] } = manifest;
  const mode = unit.mode === 'single' ? 'by itself' : `HA ${unit.mode} mode`;
  return printableLines([
    `${file} (${byteCount(bytes)}, ${profile})`,
    `kind      ${manifest.kind}`,
    `made      ${localTime(manifest.createdAt)} by ${unit.name} (${mode}), ${unit.model}, release ${unit.release}`,
    `state     revision ${manifest.revision}, epoch ${manifest.epoch}, digest ${manifest.digest.slice(0, 16)}`,
    ...manifest.parts.map(
      ({ part, records, bytes: size }) =>
        `${part.padEnd(9)} ${plural(records, 'record')}${records === 0 ? '' : `, ${byteCount(size)}`}`,
    ),
    `keys      ${keys(manifest)}`,
    ...keysLeftOut
      .slice(0, MAX_SHOWN)
      .map(({ path, fingerprint = '' }) => `          ${path} ${fingerprint}`),
    ...(keysLeftOut.length > MAX_SHOWN ? [`          and ${keysLeftOut.length - MAX_SHOWN} more`] : []),
    ...(manifest.kind === 'certificates' ? certificateLines(certificates) : []),
  ]);
}

function certificateLines(certificates: HeldCertificate[]): string[] {
  return certificates.map(
    ({ path, fingerprint = '(unreadable)', hasKey }) =>
      `          ${path} ${fingerprint}${hasKey || path.startsWith('intermediates/') ? '' : ', no key'}`,
  );
}

function keys({ withKeys, keysLeftOut = [] }: BundleFacts['manifest']): string {
  if (withKeys) return 'private keys of certificates are in it';
  return keysLeftOut.length === 0
    ? 'there was no private key to leave out'
    : `${plural(keysLeftOut.length, 'private key')} left out`;
}

function printableLines(lines: string[]): string {
  return lines.map(line => printable(line)).join('\n');
}
