/** `lockstep audit fleet` against listeners that let operators in as units do, and answer, hang or turn away as told. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as listenTcp, type Socket } from 'node:net';
import path from 'node:path';
import { sshKeyBlob } from '../../schema/ssh-key.ts';
import { fingerprint, generateKeyPair } from '../../sync/ssh/keys.ts';
import { type Listener, listen } from '../../sync/ssh/server.ts';
import { CANNED_REPORT } from '../cli/canned-report.ts';
import { lockstep, temporaryFolder } from './daemon.ts';

interface Row {
  name: string;
  site?: string;
  tags?: string[];
  verdict?: string;
  error?: { code: string; message: string };
}

describe('an audit of a fleet', function () {
  this.timeout(30_000);
  const { folder, remove } = temporaryFolder();
  const host = generateKeyPair();
  const operator = generateKeyPair();
  const identity = path.join(folder, 'ada');
  const inventory = path.join(folder, 'fleet.yaml');
  const listeners: Listener[] = [];
  const silent = listenTcp(socket => void sockets.push(socket));
  const sockets: Socket[] = [];
  /** Units that hang take the question and say nothing; a number: so many questions long. */
  const unit = async (hangs: number, connectionsPerOperator = 2, status?: object): Promise<number> => {
    let asked = 0;
    const http = createServer((request, answer) => {
      const asksStatus = request.url === '/v1/status';
      if (asksStatus ? status === undefined : ++asked <= hangs) return;
      const body = JSON.stringify(asksStatus ? status : CANNED_REPORT);
      request.resume().on('end', () => answer.setHeader('content-type', 'application/json').end(body));
    });
    const listener = await listen({
      address: '127.0.0.1',
      port: 0,
      hostKey: host.private,
      admit: () => undefined,
      onChannel: channel => channel.close('not here'),
      operators: {
        admit: blob => (blob.equals(sshKeyBlob(operator.public)) ? 'ada' : undefined),
        onStream: stream => {
          stream.on('error', () => undefined);
          http.emit('connection', stream);
        },
      },
      onRefusal: () => undefined,
      limits: { connectionsPerOperator },
    });
    listeners.push(listener);
    return listener.port;
  };

  before(async () => {
    writeFileSync(identity, operator.private, { mode: 0o600 });
    await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
  });
  after(async () => {
    for (const socket of sockets) socket.destroy();
    silent.close();
    await Promise.all(listeners.map(listener => listener.close()));
    remove();
  });

  async function audit(
    pairs: string[],
    ...options: string[]
  ): Promise<{ rows: Row[]; code: number | null; ms: number }> {
    writeFileSync(inventory, `pairs:\n${pairs.map(pair => `- {${pair}}\n`).join('')}`);
    const started = performance.now();
    const login = ['--identity', identity, '--host-key', fingerprint(host.public)];
    const { code, stdout, stderr } = await lockstep([
      '--json',
      ...login,
      'audit',
      'fleet',
      inventory,
      ...options,
    ]);
    assert.notEqual(code, 2, stderr);
    const rows = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as Row);
    return { rows, code, ms: performance.now() - started };
  }

  const at = (port: number, name: string, more = ''): string =>
    `name: ${name}, unit: "127.0.0.1:${port}"${more}`;

  it('ends the connection of each pair with its audit', async () => {
    // One unit that lets two connections of an operator in stands for a fleet: a third that is left open is turned away.
    const port = await unit(0);
    const pairs = Array.from({ length: 12 }, (_, index) => at(port, `p${index}`));
    const { rows, code } = await audit(pairs, '--parallel', '1');
    assert.deepEqual(
      rows.map(({ verdict }) => verdict),
      pairs.map(() => 'same'),
    );
    assert.equal(code, 0);
  });

  it('gives a pair the time that it is told, the login included, and tries it once more at the end', async () => {
    const { port } = silent.address() as { port: number };
    const pairs = [
      at(port, 'frozen'),
      at(await unit(9), 'hangs'),
      at(await unit(1), 'late'),
      at(await unit(0), 'good'),
    ];
    const { rows, code, ms } = await audit(pairs, '--timeout', '2');
    const [frozen, good, hangs, late] = rows.sort((a, b) => (a.name < b.name ? -1 : 1));
    assert.deepEqual([good?.verdict, late?.verdict], ['same', 'same']);
    const others = [frozen, hangs] as Row[];
    for (const { error } of others) {
      assert.equal(error?.code, 'unit-unreachable');
      assert.match(error.message, /^127\.0\.0\.1:\d+ did not answer within 2 s\.$/);
    }
    assert.equal(code, 4);
    assert.ok(ms < 15_000, `${ms} ms for two rounds of two seconds`);
  });

  it('names the partner where the unit answers and its partner does not', async () => {
    const status = { unit: { name: 'ha1' }, partner: { name: 'ha2', host: '10.0.0.2', port: 7001 } };
    const { rows, code } = await audit([at(await unit(9, 2, status), 'p')], '--timeout', '2');
    assert.deepEqual(
      [rows[0]?.error?.code, rows[0]?.error?.message, code],
      [
        'partner-unreachable',
        'ha1 answers, but still waited for its partner ha2 (10.0.0.2:7001) after 2 s.',
        4,
      ],
    );
  });

  it('says why a unit turned it away', async () => {
    const { rows } = await audit([at(await unit(0, 0), 'full')]);
    assert.match(
      String(rows[0]?.error?.message),
      /turned this connection away: too many connections of this operator\.$/,
    );
  });
});
