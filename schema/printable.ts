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
  return text.replaceAll(UNSEEN, (character, at: number) =>
    isOurs(character, text, at) ? character : '\ufffd',
  );
}

/** An escape that begins no colour, and a return that ends no line, move the cursor: they are not ours. */
function isOurs(character: string, text: string, at: number): boolean {
  if (character === '\r') return text[at + 1] === '\n';
  COLOUR.lastIndex = at + 1;
  return character === '\n' || character === '\t' || (character === '\u001b' && COLOUR.test(text));
}

/** What follows the escape of a colour. */
const COLOUR = /\[[\d;]*m/y;
