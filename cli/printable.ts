/** Text from a file, a partner or another operator, made safe to show: control characters could drive the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, character =>
    character === '\n' || character === '\t' ? ' ' : '\ufffd',
  );
}
