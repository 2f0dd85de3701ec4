/** `1 record`, `3 records`; `many` where an s is not enough. */
export function plural(count: number, noun: string, many = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : many}`;
}

/** `512 bytes`, `1.2 kB`, `3.4 MB`. */
export function byteCount(bytes: number): string {
  if (bytes < 1000) return plural(bytes, 'byte');
  const [size, name] = bytes < 1_000_000 ? [bytes / 1000, 'kB'] : [bytes / 1_000_000, 'MB'];
  return `${size.toFixed(1)} ${name}`;
}
