import { LockstepError } from '../schema/error.ts';

/** Request header that says who asks: percent-encoded UTF-8, so that every name fits into a header. */
export const AUTHOR_HEADER = 'lockstep-author';

const AUTHOR = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,128}$/u;

/** Throws `bad-usage` unless the name has 1 to 128 printable characters. No header: `local`. */
export function readAuthor(header: string | string[] | undefined): string {
  if (header === undefined) return 'local';
  const author = typeof header === 'string' ? decode(header) : undefined;
  if (author !== undefined && AUTHOR.test(author) && author.trim() !== '') return author.trim();
  throw new LockstepError(
    'bad-usage',
    `The header ${AUTHOR_HEADER} must be a name of 1 to 128 printable characters.`,
  );
}

export function writeAuthor(author: string): string {
  return encodeURIComponent(author);
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
