import assert from 'node:assert/strict';
import { isSamePlace, placesOf, portOf } from '../../../unit/pair/places.ts';

const PAIRED = { host: '10.0.0.12', port: 6973 };

describe('the partner is looked for', () => {
  it('first where its record says, then where it was last, and at last where it was paired', () => {
    const partner = {
      ...PAIRED,
      reached: { host: '10.0.0.13', port: 7000 },
      cameFrom: { host: '10.0.0.14', port: 7001 },
    };
    const record = { path: 'interfaces/eth0', host: '10.0.0.20' };
    assert.deepEqual(
      placesOf(partner, record).map(({ host, port, because }) => [host, port, because]),
      [
        ['10.0.0.20', 7001, 'interfaces/eth0/partnerAddress'],
        ['10.0.0.13', 7000, 'where it was reached last'],
        ['10.0.0.14', 7001, 'where it came from last'],
        ['10.0.0.12', 6973, 'where it was paired'],
      ],
    );
  });

  it('once at each place, for the reason that comes first', () => {
    const places = placesOf({ ...PAIRED, reached: PAIRED }, { path: 'interfaces/eth0', host: PAIRED.host });
    assert.deepEqual(
      places.map(({ because }) => because),
      ['interfaces/eth0/partnerAddress'],
    );
  });

  it('at the port that it said itself, or at that of the pairing', () => {
    assert.equal(portOf(PAIRED), 6973);
    assert.equal(portOf({ ...PAIRED, cameFrom: { host: '10.0.0.14', port: 7001 } }), 7001);
    assert.equal(isSamePlace(PAIRED, { ...PAIRED }), true);
    assert.equal(isSamePlace(PAIRED, undefined), false);
  });
});
