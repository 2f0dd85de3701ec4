/** What a reader of bundles accepts at most. A bundle past one of these is refused whole. */
export const LIMITS = {
  /** manifest.json, in bytes. */
  manifest: 8 * 1024 * 1024,
  /** One line of a part, in bytes. */
  line: 4 * 1024 * 1024,
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
