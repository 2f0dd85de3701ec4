import { LockstepError } from '../schema/error.ts';

/** Reader of a whole number of the command line. Throws `bad-usage` naming what is allowed. */
export function wholeNumber(
  what: string,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): (text: string) => number {
  return text => {
    const number = Number(text);
    if (/^\d{1,16}$/.test(text) && number >= least && number <= most) return number;
    const range = most === Number.MAX_SAFE_INTEGER ? `of ${least} or more` : `from ${least} to ${most}`;
    throw new LockstepError(
      'bad-usage',
      `${what} must be a whole number ${range}, not ${JSON.stringify(text)}.`,
    );
  };
}
