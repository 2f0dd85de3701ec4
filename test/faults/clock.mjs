/** Loaded before a daemon: its Date is off by what the file CLOCK_SHIFT_FILE says (milliseconds), also while it runs. */
import { readFileSync } from 'node:fs';

const RealDate = globalThis.Date;
const shift = () => Number(readFileSync(process.env.CLOCK_SHIFT_FILE, 'utf8'));

globalThis.Date = class extends RealDate {
  constructor(...given) {
    if (given.length === 0) super(RealDate.now() + shift());
    else super(...given);
  }

  static now() {
    return RealDate.now() + shift();
  }
};
