/** Resolves once `holds`, looked at after each turn of the event loop; rejects after ten seconds in vain. */
export async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`in vain: ${holds}`);
    await new Promise(resolve => setImmediate(resolve));
  }
}
