import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CHECKS } from '../../audit/doctor/doctor.ts';
import { explainLine, explainText } from '../../audit/explain/explain.ts';
import { table } from '../../audit/explain/tables.ts';
import { ERROR_CODES } from '../../schema/error.ts';

const happened = (line: string): string[] => explainLine(line).map(each => each.happened);

/** As they stand in the logs of machines. */
const LINES: [line: string, happened: RegExp][] = [
  [
    'Jul 13 17:47:10 lb1 ucarp[2193]: Bad digest - md2=[31084da3...] md=[20dcd914...] - Check vhid, password and virtual IP address',
    /not signed for this pair/,
  ],
  [
    'Jul 13 17:47:10 lb1 ucarp[]: [WARNING] HA Config file has changed - reloading',
    /changed the HA parameters/,
  ],
  ['Jul 13 17:47:10 lb1 ucarp[]: [CRITICAL] Detected Active - Active re-arping', /Both units were active/],
  ['Detected Active–Active, re-arping', /Both units were active/],
  ['Jul 13 17:47:10 lb1 ucarp []: [WARNING] Bad TTL', /from another network/],
  ['ucarp[12]: [WARNING] Bad TTL: [254]', /from another network/],
  ['Jul 13 17:47:10 lb1 ucarp []: [WARNING] Switching to state: Active', /became active: it heard nothing/],
  ['ucarp[3]: [WARNING] Switching to state: MASTER', /became active/],
  ['ucarp[3]: [WARNING] Switching to state: BACKUP', /This unit waits/],
  ['ucarp[3]: [INFO] Switching to state: INIT', /CARP starts/],
  ['ucarp[3]: [WARNING] Preferred master advertised: going back to BACKUP state', /preferred unit is back/],
  [
    'ucarp[3]: [WARNING] Non-preferred master advertising: reasserting control of VIP with another gratuitous arp',
    /was active too/,
  ],
  ['ucarp[3]: [WARNING] Putting MASTER down - preemption', /takes over/],
  ['ucarp[3]: [WARNING] Putting MASTER DOWN (going to time out)', /about to be given up/],
  ['ucarp[3]: [DEBUG] Ignoring vhid: [7]', /another Virtual ID/],
  ['ucarp[3]: [WARNING] Bad version: [3]', /that is none/],
  ['ucarp[3]: [WARNING] Bad IP checksum', /arrived damaged/],
  ['ucarp[3]: [ERROR] Unable to find MAC address of [eth7]', /cannot use its interface/],
  ['ucarp[3]: [ERROR] write() has failed: Network is down', /could not send/],
  ['ucarp[3]: [ERROR] Unable to exec /etc/vip-up.sh eth0 10.0.0.10: No such file', /script that moves/],
  ['Keepalived_vrrp[1253]: VRRP_Instance(VI_2) Entering MASTER STATE', /became active/],
  ['Keepalived_vrrp[1253]: (VI_2) Entering BACKUP STATE (init)', /This unit waits/],
  ['Keepalived_vrrp[1253]: (VI_1) Entering FAULT STATE', /takes no part/],
  [
    'Keepalived_vrrp[12808]: VRRP_Instance(VI_1) Received advert with higher priority 150, ours 100',
    /more right/,
  ],
  [
    'Keepalived_vrrp[9]: (VI_1) Received advert from 10.0.0.12 with lower priority 90, ours 100, forcing new election',
    /less right/,
  ],
  [
    'Keepalived_vrrp[9]: VRRP_Instance(VI_1) Received lower prio advert 90 on eth0, our prio is 100, forcing new election',
    /less right/,
  ],
  ['Keepalived_vrrp[38]: bogus VRRP packet received on bond0 !!!', /does not belong to this pair/],
  ['Keepalived_vrrp[38]: VRRP_Instance(VI_1) Dropping received VRRP packet...', /was refused/],
  ['Keepalived_vrrp: receive an invalid passwd!', /another password/],
  [
    'Keepalived_vrrp[47600]: (VI_1): ip address associated with VRID 51 not present in MASTER advert : 172.16.212.118',
    /other shared addresses/,
  ],
  ['Keepalived_vrrp[1]: invalid ttl. 254 and expect 255', /from another network/],
  ['Keepalived_vrrp[1]: invalid version. 3 and expect 2', /another version/],
  [
    'Keepalived_vrrp[64509]: VRRP_Script(chk_mysql) failed (exited with status 1)',
    /script that keepalived watches fails/,
  ],
  [
    'Keepalived_vrrp[1]: VRRP_Instance(VI_1) Changing effective priority from 101 to 71',
    /priority of this unit changed/,
  ],
  ['Keepalived_vrrp[7]: (VI_1) Receive advertisement timeout', /was not heard for as long as/],
  ['Keepalived_vrrp[7]: (VI_1) Backup received priority 0 advertisement', /gave its role up on purpose/],
  ['Keepalived_vrrp[7]: (VI_1) Master received priority 0 message', /gave its role up on purpose/],
  [
    'Keepalived_vrrp[7]: (VI_1) Master received advert from 10.0.0.12 with same priority 100 but higher IP address than ours',
    /have the same priority/,
  ],
  [
    'Keepalived_vrrp[7]: (VI_1) WARNING - equal priority advert received from remote host with our IP address.',
    /have the same priority/,
  ],
  [
    "Keepalived_vrrp[7]: (VI_1) advertisement interval mismatch mine=1 sec rcv'd=3 sec",
    /different intervals/,
  ],
  [
    'Keepalived_vrrp[7]: (VI_1) advertisement interval updated from 1000ms to 3000ms by master',
    /different intervals/,
  ],
  ['Keepalived_vrrp[7]: (VI_2) duplicate VRID conflict with VI_1 VRID 51', /used twice on one interface/],
  [
    'Keepalived_vrrp[7]: VI_1 and VI_2 both use VRID 51 with IPv4 on interface eth0',
    /used twice on one interface/,
  ],
  [
    'Keepalived_vrrp[7]: (VI_1) IPSEC-AH : sequence number 4 already processed. Packet dropped. Local(9)',
    /not signed/,
  ],
  ['Keepalived_vrrp[7]: (VI_1) No AH header but auth type is AH', /not signed/],
  [
    'Keepalived_vrrp[7]: (VI_1) received lower priority (90) advert from 10.0.0.12 - discarding',
    /was not listened to/,
  ],
  [
    'Keepalived_vrrp[7]: (VI_1) Cant send advert to 10.0.0.12 (Network is unreachable)',
    /could not advertise/,
  ],
  ['Keepalived_vrrp[7]: (VI_1): send advert error 1 (Operation not permitted)', /could not advertise/],
  [
    'Keepalived_vrrp[7]: (VI_1) CONFIGURATION ERROR: local instance and a remote instance are both configured as address owner, please fix - reducing local priority',
    /their own \(priority 255\)/,
  ],
  [
    'Keepalived_vrrp[7]: Unknown VRID(7) received on interface(eth0) from 10.0.0.99. ignoring...',
    /another Virtual ID/,
  ],
  ['Keepalived_vrrp[7]: (VI_1) unicast source address 10.0.0.9 not a unicast peer', /not the partner/],
  ["Keepalived_vrrp[7]: (VI_1) tracked interface eth9 doesn't exist", /does not have/],
  ['ucarp[3]: [ERROR] You must supply a network interface', /option is missing or wrong/],
  ['ucarp[3]: [ERROR] You must supply a valid virtual host id', /option is missing or wrong/],
  ["ucarp[3]: [ERROR] Dead ratio can't be zero", /option is missing or wrong/],
  [
    'ucarp[3]: [ERROR] unable to open passfile /etc/ucarp.pass for reading: No such file or directory',
    /password/,
  ],
  ["ucarp[3]: [ERROR] Can't do IP_ADD_MEMBERSHIP errno=No such device (19)", /cannot listen to multicast/],
  ['ucarp[3]: [WARNING] Warning: no script called when going up', /no address moves/],
  ['ucarp[3]: [ERROR] exiting: pfds[0].revents = 8', /ucarp ended/],
  ['Keepalived_vrrp[1]: Netlink reports eth0 down', /lost its link/],
  ['Keepalived_vrrp[1]: A thread timer expired 5.123 seconds ago', /not run in time/],
];

describe('explain', () => {
  for (const [line, expected] of LINES)
    it(`knows: ${line.slice(0, 90)}`, () => {
      const [first, ...more] = explainLine(line);
      assert.match(first?.happened ?? '', expected);
      assert.ok((first?.causes.length ?? 0) > 0 && (first?.look.length ?? 0) > 0);
      assert.deepEqual(more, []);
    });

  it('has a line for each pattern', () => {
    const seen = new Set(LINES.flatMap(([line]) => happened(line)));
    assert.deepEqual(
      [...table('ucarp'), ...table('keepalived')]
        .filter(pattern => !seen.has(pattern.happened))
        .map(({ pattern }) => pattern),
      [],
    );
  });

  it('knows every error code of ours, alone and in a line of the log', () => {
    assert.deepEqual(
      Object.keys(ERROR_CODES).filter(code => !Object.hasOwn(table('errors'), code)),
      [],
    );
    for (const [code, advice] of Object.entries(table('errors'))) {
      assert.ok(advice.causes.length > 0 && advice.look.length > 0, code);
      assert.equal(explainLine(code).at(-1)?.about, code);
      assert.equal(explainLine(`{"level":"warn","code":"${code}","msg":"x"}`)[0]?.about, code);
      assert.equal(explainLine(`{"error":{"code":"${code}","message":"x"}}`)[0]?.about, code);
    }
  });

  it('knows every check of the doctor by its code', () => {
    for (const { code, holds, why } of CHECKS.filter(each => !Object.hasOwn(ERROR_CODES, each.code)))
      assert.ok(happened(code)[0]?.endsWith(`${holds} ${why}`), code);
  });

  it('knows every warning and error that a unit logs', () => {
    const rooms = ['store', 'sync', 'backup', 'certs', 'audit', 'unit', 'api'];
    const sources = rooms.flatMap(room =>
      readdirSync(room, { recursive: true, encoding: 'utf8' })
        .filter(name => name.endsWith('.ts'))
        .map(name => readFileSync(join(room, name), 'utf8')),
    );
    const logged = sources.flatMap(text =>
      [...text.matchAll(/\blog\??\.(?:warn|error)\(\s*[^;]*?,\s*(?:'([^']+)'|"([^"]+)"|`(\w[^$`]+))/g)].map(
        match => match[1] ?? match[2] ?? match[3] ?? '',
      ),
    );
    assert.ok(logged.length > 30, `found ${logged.length}`);
    for (const message of [...logged, 'connection refused', 'message refused'])
      assert.ok(explainLine(`{"msg":${JSON.stringify(message)}}`).length > 0, message);
    for (const message of Object.keys(table('log-messages')))
      assert.ok(
        sources.some(text => text.includes(message)),
        `nothing logs: ${message}`,
      );
  });

  it('says of a line what its message and its code mean', () => {
    const line = '{"level":"warn","time":"t","code":"key-mismatch","msg":"partner not reached"}';
    assert.deepEqual(
      explainLine(line).map(({ about }) => about),
      ['partner not reached', 'key-mismatch'],
    );
  });

  it('knows nothing of other lines', () => {
    for (const line of [
      '',
      'hello world',
      'disk full somewhere',
      '{"msg":"commit"}',
      '{',
      'constructor',
      '{"code":"toString"}',
      'x'.repeat(1e6),
    ])
      assert.deepEqual(explainLine(line), [], line.slice(0, 50));
  });

  it('tells once what comes again and again', () => {
    const daily = '{"msg":"update sent"}';
    const { explained, unknown, ordinary } = explainText(
      `a Bad TTL\n\nb Bad TTL\nwhat is this\nkey-mismatch\n${daily}\n`,
    );
    assert.equal(ordinary, 1);
    assert.match(explainText(daily).explained[0]?.happened ?? '', /taken an update/);
    assert.deepEqual(
      explained.map(({ about, count, line }) => [about, count, line]),
      [
        ['Bad TTL', 2, 'a Bad TTL'],
        ['key-mismatch', 1, 'key-mismatch'],
      ],
    );
    assert.deepEqual(unknown, { count: 1, first: 'what is this' });
  });
});
