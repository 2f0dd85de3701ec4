import type { Context } from '../context.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { printable } from '../printable.ts';
import { byteCount, plural } from '../quantity.ts';
import { localTime } from '../time.ts';
import { type BundleFacts, readBundle } from './open.ts';
import type { PassphraseOptions } from './passphrase.ts';

const MOST_SHOWN = 10;

export async function inspect(
  context: Context,
  file: string | undefined,
  options: PassphraseOptions,
): Promise<ExitCode> {
  context.out.answer(await readBundle(context, file, options), formatFacts);
  return EXIT.done;
}

export function formatFacts({ file, bytes, profile, manifest }: BundleFacts): string {
  const { unit, keysLeftOut = [] } = manifest;
  const mode = unit.mode === 'single' ? 'by itself' : `HA ${unit.mode} mode`;
  return printableLines([
    `${file} (${byteCount(bytes)}, ${profile})`,
    `made      ${localTime(manifest.createdAt)} by ${unit.name} (${mode}), ${unit.model}, release ${unit.release}`,
    `state     revision ${manifest.revision}, epoch ${manifest.epoch}, digest ${manifest.digest.slice(0, 16)}`,
    ...manifest.parts.map(
      ({ part, records, bytes: size }) =>
        `${part.padEnd(9)} ${plural(records, 'record')}${records === 0 ? '' : `, ${byteCount(size)}`}`,
    ),
    `keys      ${keys(manifest)}`,
    ...keysLeftOut
      .slice(0, MOST_SHOWN)
      .map(({ path, fingerprint = '' }) => `          ${path} ${fingerprint}`),
    ...(keysLeftOut.length > MOST_SHOWN ? [`          and ${keysLeftOut.length - MOST_SHOWN} more`] : []),
  ]);
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
