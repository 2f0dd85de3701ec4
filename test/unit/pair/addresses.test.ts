import assert from 'node:assert/strict';
import type { ConfigRecord } from '../../../schema/document.ts';
import type { JsonObject } from '../../../schema/json.ts';
import { MAX_INTERFACES } from '../../../sync/fit.ts';
import { readAddresses } from '../../../unit/pair/addresses.ts';

function records(ha: JsonObject | undefined, interfaces: Record<string, JsonObject>) {
  return {
    read: async () => ha,
    async *list() {
      for (const [name, value] of Object.entries(interfaces))
        yield { path: `interfaces/${name}`, value } as ConfigRecord;
    },
  };
}

describe('the addresses of the pair', () => {
  it('are those of the update interface; it is told to the partner first', async () => {
    const found = await readAddresses(
      records(
        { updateInterface: 'eth1', virtualId: 21 },
        {
          eth0: { address: '10.0.0.11', prefix: 24, sharedAddress: '10.0.0.10' },
          eth1: { address: '10.1.0.11', partnerAddress: '10.1.0.12', prefix: 16, sharedAddress: '10.1.0.10' },
        },
      ),
    );
    assert.deepEqual(found.update, {
      path: 'interfaces/eth1',
      address: '10.1.0.11',
      partnerAddress: '10.1.0.12',
    });
    assert.deepEqual(found.facts, {
      virtualId: 21,
      interfaces: [
        ['eth1', '10.1.0.11', 16, '10.1.0.10'],
        ['eth0', '10.0.0.11', 24, '10.0.0.10'],
      ],
    });
  });

  it('are none where the records name none, or what is no address', async () => {
    assert.deepEqual(await readAddresses(records(undefined, {})), {
      update: undefined,
      facts: { virtualId: 0, interfaces: [] },
    });
    const { update } = await readAddresses(
      records({ updateInterface: 'eth0' }, { eth0: { address: 'lb-a.example' } }),
    );
    assert.deepEqual(update, { path: 'interfaces/eth0' });
  });

  it('are at most as many as a greeting has room for', async () => {
    const many = Object.fromEntries(
      Array.from({ length: MAX_INTERFACES + 2 }, (_, at) => [
        `eth${at}`,
        { address: `10.${at}.0.11`, sharedAddress: `10.${at}.0.10` },
      ]),
    );
    const { facts } = await readAddresses(records({}, many));
    assert.equal(facts.interfaces.length, MAX_INTERFACES);
  });
});
