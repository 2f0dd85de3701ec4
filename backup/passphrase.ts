import { LockstepError } from '../schema/error.ts';

/** What makes a passphrase of a bundle good enough: so many characters, or so many words. */
const ENOUGH_CHARACTERS = 12;
const ENOUGH_WORDS = 4;
/** Longer ones are somebody's file, given by mistake. */
const MAX_CHARACTERS = 1024;

/** What the appliance takes for a certificate backup. */
const APPLIANCE = /^[A-Za-z0-9]{7,64}$/;

/**
 * Throws `weak-passphrase`, saying what would be enough, and `bad-usage` for text that could not be typed
 * to another program again: control characters, half a character, more than 1,024 characters.
 * `applianceRules`: what the appliance takes is good, and nothing else.
 */
export function assertGoodPassphrase(passphrase: string, applianceRules = false): void {
  assertTypeable(passphrase);
  if (applianceRules) assertAppliancePassphrase(passphrase);
  else assertStrongPassphrase(passphrase);
}

function assertStrongPassphrase(passphrase: string): void {
  const characters = [...passphrase].length;
  const words = passphrase.split(/\s+/u).filter(word => [...word].length > 1).length;
  if (characters >= ENOUGH_CHARACTERS || words >= ENOUGH_WORDS) return;
  throw new LockstepError('weak-passphrase', `The passphrase is weak: it has ${characters} characters.`, {
    hint: `Enough are ${ENOUGH_CHARACTERS} characters, or ${ENOUGH_WORDS} words with spaces between them.`,
    facts: { characters, words, enoughCharacters: ENOUGH_CHARACTERS, enoughWords: ENOUGH_WORDS },
  });
}

function assertAppliancePassphrase(passphrase: string): void {
  if (APPLIANCE.test(passphrase)) return;
  throw new LockstepError('weak-passphrase', 'The appliance does not take this passphrase.', {
    hint: 'It takes 7 to 64 letters and digits (A–Z, a–z, 0–9).',
    facts: { characters: [...passphrase].length },
  });
}

/** What opens a bundle may be weak: another program may have made it. Throws `bad-usage`. */
export function assertTypeable(passphrase: string): void {
  const bad =
    passphrase === ''
      ? 'is empty'
      : passphrase.length > MAX_CHARACTERS
        ? `has more than ${MAX_CHARACTERS} characters`
        : /\p{Cc}/u.test(passphrase) || !passphrase.isWellFormed()
          ? 'holds a character that cannot be typed'
          : undefined;
  if (bad !== undefined) throw new LockstepError('bad-usage', `The passphrase ${bad}.`);
}
