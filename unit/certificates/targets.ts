import { lstat, readlink, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';

/** An entry of a folder that decides where a symbolic link leads, or what is there. */
export interface Station {
  folder: string;
  entry: string;
}

/** As the kernel has it. */
const MAX_LINKS = 40;

/**
 * Every entry that can make `link` lead elsewhere or change what it leads to: the links on the way, in folders without
 * links in their path, and the end of the way, which may be missing. Throws when the folder of `link` is gone.
 */
export async function stationsOf(link: string): Promise<Station[]> {
  const stations: Station[] = [];
  let folder = await realpath(dirname(link));
  let rest = [basename(link)];
  let links = 0;
  for (let [entry, ...others] = rest; entry !== undefined; [entry, ...others] = rest) {
    rest = others;
    const place = join(folder, entry);
    const found = await lstat(place).catch(() => undefined);
    if (found?.isSymbolicLink() === true) {
      stations.push({ folder, entry });
      if (++links > MAX_LINKS) break;
      const target = await readlink(place);
      if (isAbsolute(target)) folder = '/';
      rest = [...target.split('/').filter(part => part !== ''), ...others];
    } else if (others.length > 0 && found?.isDirectory() === true) {
      folder = place;
    } else {
      stations.push({ folder, entry });
      break;
    }
  }
  return stations;
}
