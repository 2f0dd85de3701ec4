/**
 * Each test of a suite stands on the one before: after one that failed, the rest is not tried. mocha's own `bail` would end
 * all files that come after it, too, when files run side by side.
 */
export function stepByStep(): void {
  let hasFailed = false;
  beforeEach(function () {
    if (hasFailed) this.skip();
  });
  afterEach(function () {
    hasFailed ||= this.currentTest?.state === 'failed';
  });
}
