import type { DoctorFacts } from '../../audit/doctor/check.ts';
import type { Examination } from '../../audit/doctor/examination.ts';
import { RULES } from '../../schema/rules/index.ts';

export const NOW = Date.parse('2026-03-01T12:00:00Z');

/** Two units about which nothing is to be said. */
export function healthyPair(): DoctorFacts & { there: Examination } {
  return {
    here: healthyUnit('lb1', 1),
    there: healthyUnit('lb2', 2),
    thereUnknown: '',
    latencyMs: 0.4,
    skewMs: 12,
    sameBal: true,
    balUnknown: '',
    now: NOW,
  };
}

function healthyUnit(name: string, number: 1 | 2): Examination {
  const active = number === 1;
  const partner = active ? 2 : 1;
  return {
    unit: {
      id: `id-${number}`,
      name,
      mode: active ? 'first' : 'second',
      role: active ? 'active' : 'standby',
      model: 'VLM-3000',
      release: '7.2.54',
      schemaDigest: 'a'.repeat(64),
      digest: 'd'.repeat(64),
      fingerprint: `SHA256:${name}`,
    },
    state: {
      sync: 'in-step',
      sentence: 'In step.',
      inStep: true,
      unsent: active ? 0 : null,
      heldBack: 0,
      branches: 0,
      pacified: null,
      damaged: null,
      refused: null,
      unconfirmed: null,
      paused: null,
      provisional: null,
      readiness: active ? null : { ready: true, count: 0, checkedAt: '2026-03-01T11:59:00Z', findings: [] },
      files: [],
    },
    ha: { virtualId: 139, preferredHost: 'none' },
    network: { gateway: '10.0.0.1', gatewayV6: null, gatewayAnswers: true },
    interfaces: [
      {
        name: 'eth0',
        address: `10.0.0.1${number}`,
        prefix: 24,
        partnerAddress: `10.0.0.1${partner}`,
        sharedAddress: '10.0.0.10',
        haChecks: true,
        purpose: 'production',
        link: 'up',
      },
      {
        name: 'eth1',
        address: null,
        prefix: null,
        partnerAddress: null,
        sharedAddress: null,
        haChecks: true,
        purpose: 'direct-cable',
        link: 'up',
      },
    ],
    rules: [],
    rulesLooked: RULES.map(({ code }) => code),
    moreInterfaces: 0,
    connection: {
      port: 6973,
      listening: true,
      reaches: true,
      because: 'In step.',
      refusal: null,
      pinned: `SHA256:lb${partner}`,
    },
    time: { synchronised: true, by: 'systemd-timesyncd', zone: 'UTC', servers: ['ntp.site.example'] },
    disk: { freeBytes: 50e9, totalBytes: 100e9, freeFiles: 900_000, totalFiles: 1_000_000 },
    space: {
      storeBytes: 5e6,
      storeFreeBytes: 1e6,
      logBytes: 2e6,
      backupBytes: 9e6,
      incomingBytes: 0,
      fullInDays: null,
    },
    lax: [],
    certificates: { count: 3, keys: 2, next: { name: 'shop', days: 200 }, findings: [] },
    backup: {
      method: 'local',
      day: 0,
      lastRunAt: '2026-03-01T02:30:00Z',
      lastRunFault: null,
      drillAt: '2026-03-01T02:30:01Z',
      drillFault: null,
      provedName: 'lb.lockstep',
      provedAt: '2026-03-01T02:30:01Z',
      certificateBundle: { name: 'lb.certs.lockstep', at: '2026-02-27T02:30:00Z' },
      passphrase: true,
      fault: null,
    },
    bal: { set: true, proof: 'f'.repeat(64) },
  };
}
