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

/** What `show` makes of the first `most` items; then how many more there are of `count`. */
export function listLines<Item>(
  items: readonly Item[],
  show: (item: Item) => string | string[],
  { most = items.length, count = items.length }: { most?: number; count?: number } = {},
): string[] {
  const shown = items.slice(0, most);
  const more = count - shown.length;
  return [...shown.flatMap(show), ...(more > 0 ? [`  and ${more} more`] : [])];
}

/** `a, b and 3 more`: the first `most` of `count` words. */
export function listWords(words: readonly string[], most: number, count = words.length): string {
  const shown = words.slice(0, most);
  return `${shown.join(', ')}${count > shown.length ? ` and ${count - shown.length} more` : ''}`;
}
