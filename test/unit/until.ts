/** Resolves once `holds`, looked at after each turn of the event loop; a test that waits in vain fails by its own timeout. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise(resolve => setImmediate(resolve));
}
