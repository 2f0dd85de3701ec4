/** Times for people: local, to the second. */
export function localTime(iso: string): string {
  const at = new Date(iso);
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** `12 s ago`; a clock that was set back never gives a time to come. */
export function ago(iso: string, now: Date): string {
  return `${span(Math.max(0, now.getTime() - Date.parse(iso)))} ago`;
}

/** `in 48 s`, or `now` for what is due. */
export function until(iso: string, now: Date): string {
  const left = Date.parse(iso) - now.getTime();
  return left <= 0 ? 'now' : `in ${span(left)}`;
}

/** A length of time, never less than none, in one or two units: `900 ms`, `48 s`, `2 min 5 s`, `3 h 10 min`, `4 d 2 h`. */
export function span(length: number): string {
  const ms = Math.max(0, length);
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return both(seconds, 60, 'min', 1, 's');
  if (seconds < 86_400) return both(seconds, 3600, 'h', 60, 'min');
  return both(seconds, 86_400, 'd', 3600, 'h');
}

function both(seconds: number, large: number, largeName: string, small: number, smallName: string): string {
  const rest = Math.floor((seconds % large) / small);
  return `${Math.floor(seconds / large)} ${largeName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`;
}
