/** `1 record`, `3 records`. */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** `512 bytes`, `1.2 kB`, `3.4 MB`. */
export function byteCount(bytes: number): string {
  if (bytes < 1000) return plural(bytes, 'byte');
  const [size, name] = bytes < 1_000_000 ? [bytes / 1000, 'kB'] : [bytes / 1_000_000, 'MB'];
  return `${size.toFixed(1)} ${name}`;
}
