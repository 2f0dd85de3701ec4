import { accessSync, constants } from 'node:fs';
import path from 'node:path';

/** The Debian package of a program, where it is not called like it. */
const PACKAGES: Record<string, string> = {
  bsdtar: 'libarchive-tools',
  certutil: 'libnss3-tools',
  gpg: 'gnupg',
  ip: 'iproute2',
  'mkfs.ext4': 'e2fsprogs',
  nsenter: 'util-linux',
  pk12util: 'libnss3-tools',
  ssh: 'openssh-client',
  'ssh-add': 'openssh-client',
  'ssh-agent': 'openssh-client',
  'ssh-keygen': 'openssh-client',
  sshd: 'openssh-server',
};
/** A login without administration does not search these, but what is there can be asked for. */
const BESIDE_PATH = ['/usr/sbin', '/sbin'];

/** Whether these programs can be run. */
export function has(...programs: string[]): boolean {
  return missing(programs).length === 0;
}

/** In a test or a hook: leaves it out where one of these programs is not here, and says which. */
export function needs(context: Mocha.Context, ...programs: string[]): void {
  const [program] = missing(programs);
  if (program === undefined) return;
  process.stdout.write(
    `      skipped: ${program} is not here (Debian package: ${PACKAGES[program] ?? program})\n`,
  );
  context.skip();
}

function missing(programs: string[]): string[] {
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), ...BESIDE_PATH];
  return programs.filter(program => !folders.some(folder => isProgram(path.join(folder, program))));
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
