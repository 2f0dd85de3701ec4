/**
 * The words of a line as a shell reads them, up to the cursor: the last one is what is being typed, and may be empty or stand in quotes
 * that are not closed yet.
 */
export function splitLine(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = '';
  for (let at = 0; at < line.length; at++) {
    const sign = line[at] as string;
    if (sign === '\\' && quote !== "'" && at + 1 < line.length) word = (word ?? '') + (line[++at] as string);
    else if (quote !== '') {
      if (sign === quote) quote = '';
      else word = (word ?? '') + sign;
    } else if (sign === '"' || sign === "'") {
      quote = sign;
      word ??= '';
    } else if (/\s/.test(sign)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? '') + sign;
  }
  return [...words, word ?? ''];
}
