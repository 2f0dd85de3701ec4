/** What a reader of bundles accepts at most. A bundle past one of these is refused whole. */
export const LIMITS = {
  /** manifest.json, in bytes. */
  manifest: 8 * 1024 * 1024,
  /** One line of a part, in bytes: the largest record that a pair exchanges, and what is around it. */
  line: 6 * 1024 * 1024 + 64 * 1024,
  /** Lists and objects in one line. Each of two bytes may take a hundred in memory. */
  brackets: 100_000,
  /** One PEM file, in bytes. */
  pem: 1024 * 1024,
  /** One entry of the archive, in bytes: what a tar header can say. */
  entry: 8 * 1024 ** 3 - 1,
  /** Zeros after the archive, in bytes; programs fill their last block with them. */
  padding: 64 * 1024,
  /** Unpacked bytes for one packed byte, once `freely` unpacked bytes are there. */
  ratio: 300,
  freely: 64 * 1024 * 1024,
} as const;
