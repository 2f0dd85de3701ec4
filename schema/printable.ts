/**
 * What nobody sees and what yet changes what they see: control characters, directions (U+202E), marks without width, tags, line and
 * paragraph separators.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/** Text from a file, a partner or another operator, made safe to show in a line: control characters could drive the terminal. */
export function printable(text: string): string {
  return text.replaceAll(UNSEEN, character => (character === '\n' || character === '\t' ? ' ' : '\ufffd'));
}

/** Lines of our own with their colours, on their way to a terminal: what a forgotten name brings along does no harm. */
export function withoutUnseen(text: string): string {
  return text.replaceAll(UNSEEN, character => (OURS.has(character) ? character : '\ufffd'));
}

const OURS: ReadonlySet<string> = new Set(['\n', '\t', '\r', '\u001b']);
