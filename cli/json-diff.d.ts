/** The package brings no types; this is the part that is used. */
declare module 'json-diff' {
  /** '' when both are equal. */
  export function diffString(before: unknown, after: unknown, options?: { color?: boolean }): string;
}
