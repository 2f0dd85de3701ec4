import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkCertificate } from '../../certs/check.ts';
import { Random } from '../random.ts';
import { SEED } from '../seed.ts';
import {
  address,
  daysFromNow,
  directory,
  dns,
  extension,
  issue,
  type KeyKind,
  keysOf,
  type Made,
  mail,
  NOW,
  nameOf,
  uri,
  type Wish,
} from './ca.ts';
import { opensslVerdict, workFolder } from './openssl.ts';

const CASES = 210;
const AT_ONCE = 4;

/**
 * Where our verdict may differ from OpenSSL's, and how:
 * - `curve`: P-224 is strong enough for its security level 2; browsers and servers refuse it, and so do we.
 * - `ca-unsaid`: a version 3 certificate without basic constraints that may sign certificates is a CA for OpenSSL unless it is told
 *   to be strict. RFC 5280, 6.1.4 (k) refuses it, and so do we.
 * - `own-sha1`: the hash of what signed itself does not matter to OpenSSL. A certificate that a server shows is refused by us when
 *   anybody can forge its signature, whoever made it.
 * - `crossed`: OpenSSL follows the first issuer that fits and does not come back. It is asked with the untrusted certificates in
 *   either order, and one good answer is enough.
 */
type Difference = 'curve' | 'ca-unsaid' | 'own-sha1' | 'crossed';

interface Case {
  story: string[];
  leaf: Made;
  others: Made[];
  root: Made;
  differs?: Difference;
}

/** Something that may be wrong, or look wrong, with one of the members below the root. */
type Twist = (wish: Wish, about: { random: Random; index: number; length: number }) => Difference | undefined;

const SITE = nameOf(['2.5.4.6', 'AT'], ['2.5.4.10', 'Site  One']);
const SITE_WWW = nameOf(['2.5.4.6', 'at'], ['2.5.4.10', ' site one'], ['2.5.4.3', 'www.site.example']);

const simple =
  (change: (wish: Wish) => void): Twist =>
  wish => {
    change(wish);
    return undefined;
  };

const ANYWHERE: Record<string, Twist> = {
  expired: simple(wish => {
    wish.to = daysFromNow(-1);
  }),
  'expires at this very moment': simple(wish => {
    wish.to = NOW;
  }),
  'not yet valid': simple(wish => {
    wish.from = daysFromNow(1);
  }),
  'valid from this very moment': simple(wish => {
    wish.from = NOW;
  }),
  forged: simple(wish => {
    wish.forged = true;
  }),
  'signed with SHA-1': simple(wish => {
    wish.hash = 'sha1';
  }),
  'an RSA key of 1024 bits': simple(wish => {
    wish.keys = keysOf('rsa1024', 0);
  }),
  'an unknown critical extension': simple(wish => {
    wish.extra = [extension('1.3.6.1.4.1.99999.1', Buffer.of(5, 0), true)];
  }),
  'an unknown extension': simple(wish => {
    wish.extra = [extension('1.3.6.1.4.1.99999.1', Buffer.of(5, 0))];
  }),
  'no key ids': simple(wish => {
    wish.keyIds = false;
  }),
  'another year format': simple(wish => {
    wish.to = new Date('2055-01-01T00:00:00Z');
  }),
  'a key on P-224': wish => {
    wish.keys = keysOf('p224', 0);
    return 'curve';
  },
};

const SERVER = '1.3.6.1.5.5.7.3.1';
const CLIENT = '1.3.6.1.5.5.7.3.2';

const OF_AN_ISSUER: Record<string, Twist> = {
  'purposes of what it issues': (wish, { random }) => {
    wish.purposes = random.pick([[SERVER], [CLIENT], [CLIENT, SERVER]]);
    return undefined;
  },
  'says that it is no CA': simple(wish => {
    wish.ca = false;
  }),
  'may sign no certificates': simple(wish => {
    wish.usage = [0, 6];
  }),
  'does not say that it is a CA': simple(wish => {
    delete wish.ca;
    delete wish.usage;
  }),
  'does not say that it is a CA, but signs': wish => {
    delete wish.ca;
    wish.usage = [5, 6];
    return 'ca-unsaid';
  },
  'a path length': (wish, { random }) => {
    wish.pathLength = random.between(0, 2);
    return undefined;
  },
  'has the name of its issuer': simple(wish => {
    if (wish.issuer !== undefined) wish.name = wish.issuer.name;
  }),
  'name constraints': (wish, { random }) => {
    const subtrees = [
      dns('site.example'),
      dns('.site.example'),
      dns('else.example'),
      dns(''),
      address(10, 0, 0, 0, 255, 0, 0, 0),
      address(0, 0, 0, 0, 0, 0, 0, 0),
      address(...Buffer.alloc(32)),
      directory(SITE),
      directory(nameOf(['2.5.4.6', 'AT'])),
      mail('site.example'),
      mail('.site.example'),
      mail('admin@site.example'),
      uri('www.site.example'),
      uri('.site.example'),
    ];
    const some = (count: number): Buffer[] => Array.from({ length: count }, () => random.pick(subtrees));
    wish.permitted = some(random.pick([0, 1, 2, 6]));
    wish.excluded = some(random.pick([0, 0, 1]));
    return undefined;
  },
};

const OF_THE_LEAF: Record<string, Twist> = {
  'names and addresses': (wish, { random }) => {
    const alternatives = [
      dns('www.site.example'),
      dns('SITE.example'),
      dns('*.site.example'),
      dns('www.else.example'),
      dns('xsite.example'),
      address(10, 1, 2, 3),
      address(11, 1, 2, 3),
      address(...Buffer.alloc(15), 1),
      mail('admin@site.example'),
      mail('Admin@SITE.example'),
      mail('any@mail.site.example'),
      uri('https://www.site.example/path'),
      uri('https://www.site.example:8443'),
      uri('urn:site'),
    ];
    wish.alternatives = alternatives.filter(() => random.chance(0.2));
    if (random.chance(0.5))
      wish.name = random.pick([SITE, SITE_WWW, nameOf(['2.5.4.3', 'www.else.example'])]);
    if (random.chance(0.1))
      wish.name = nameOf(['2.5.4.3', 'x'], ['1.2.840.113549.1.9.1', 'admin@site.example']);
    return undefined;
  },
  'a purpose': (wish, { random }) => {
    wish.purposes = random.pick([[SERVER], [CLIENT], [CLIENT, SERVER]]);
    return undefined;
  },
  'is a CA itself': simple(wish => {
    wish.ca = true;
    wish.usage = [5, 6];
  }),
};

const KINDS: readonly (readonly [number, KeyKind])[] = [
  [6, 'p256'],
  [2, 'p384'],
  [1, 'p521'],
  [2, 'ed25519'],
  [2, 'rsa2048'],
];

function makeCase(random: Random): Case {
  const length = random.between(1, 4);
  const story: string[] = [`${length} certificates`];
  let differs: Difference | undefined;
  const twists = random.weighted([
    [1, 0],
    [6, 1],
    [2, 2],
  ]);
  const wishes = Array.from({ length }, (_, index) => wishFor(index, length, random));
  const order = [...wishes.keys()].reverse();
  const planned = Array.from({ length: twists }, () => pickTwist(random, length)).flatMap(one =>
    withCompany(one, random),
  );
  const made: Made[] = [];
  for (const index of order) {
    const wish = wishes[index] as Wish;
    wish.issuer = made[0];
    for (const { name, twist, at } of planned.filter(each => each.at === index)) {
      story.push(`${at}: ${name}`);
      differs = twist(wish, { random, index, length }) ?? differs;
      if (wish.issuer === undefined && name === 'signed with SHA-1' && length === 1) differs = 'own-sha1';
    }
    made.unshift(issue(wish));
  }
  const [leaf, ...others] = made as [Made, ...Made[]];
  const fate = random.weighted([
    [8, 'whole'],
    [1, 'missing'],
    [1, 'other root'],
    [1, 'crossed'],
    [1, 'doubled'],
  ]);
  const rest: Case = {
    story,
    leaf,
    others,
    root: made.at(-1) as Made,
    ...(differs === undefined ? {} : { differs }),
  };
  return sendOff(rest, fate, random);
}

function sendOff(one: Case, fate: string, random: Random): Case {
  const { leaf, others, root, story } = one;
  if (fate === 'missing' && others.length > 1) {
    const gone = random.between(0, others.length - 2);
    return {
      ...one,
      others: others.filter((_, index) => index !== gone),
      story: [...story, 'a link is missing'],
    };
  }
  if (fate === 'other root') {
    const other = issue({ name: root.name, ca: true, keyIds: random.chance(0.5) });
    return {
      ...one,
      others: [...others, other],
      root: other,
      story: [...story, 'another root of that name'],
    };
  }
  if (fate === 'crossed' && others.length > 1) {
    const [low] = others as [Made];
    const elsewhere = issue({ commonName: 'Elsewhere', ca: true, to: daysFromNow(random.pick([-1, 90])) });
    const crossed = issue({ name: low.name, ca: true, keys: low, issuer: elsewhere });
    const differs = one.differs ?? 'crossed';
    return {
      ...one,
      leaf,
      others: [...others, crossed, elsewhere],
      differs,
      story: [...story, 'cross-signed'],
    };
  }
  if (fate === 'doubled')
    return { ...one, others: [...others, ...others, leaf], story: [...story, 'all twice'] };
  return one;
}

function wishFor(index: number, length: number, random: Random): Wish {
  const kind = random.weighted(KINDS);
  const keys = keysOf(kind, kind === 'rsa2048' ? index % 3 : index);
  const hash = random.pick(['sha256', 'sha384', 'sha512'] as const);
  if (index === 0 && length > 1)
    return { commonName: 'www.site.example', names: ['www.site.example'], keys, hash };
  const usage = random.chance(0.7) ? { usage: [5, 6] } : {};
  // Alone, it is what a server shows.
  if (length === 1 && random.chance(0.8)) return { commonName: `CA ${index}`, ca: true, keys, hash };
  return { commonName: `CA ${index}`, ca: true, keys, hash, ...usage };
}

function pickTwist(random: Random, length: number): { name: string; twist: Twist; at: number } {
  const at = random.between(0, length - 1);
  const fitting = { ...ANYWHERE, ...(at === 0 ? OF_THE_LEAF : OF_AN_ISSUER) };
  const name = random.pick([
    ...Object.keys(fitting),
    ...(at > 0
      ? ['a path length', 'name constraints', 'name constraints', 'name constraints']
      : ['names and addresses']),
  ]);
  return { name, twist: fitting[name] as Twist, at };
}

type Planned = ReturnType<typeof pickTwist>;

/** What decides together: constraints and names, a path length and a CA that certifies itself anew. */
function withCompany(one: Planned, random: Random): Planned[] {
  if (one.name === 'name constraints' && random.chance(0.8)) {
    const name = 'names and addresses';
    return [one, { name, twist: OF_THE_LEAF[name] as Twist, at: 0 }];
  }
  if (one.name === 'a path length' && one.at > 1 && random.chance(0.5)) {
    const name = 'has the name of its issuer';
    return [one, { name, twist: OF_AN_ISSUER[name] as Twist, at: one.at - 1 }];
  }
  return [one];
}

function ours({ leaf, others, root }: Case): { good: boolean; told: string } {
  const certificate = [leaf, ...others].map(({ pem }) => pem).join('');
  const findings = checkCertificate({ certificate }, { now: NOW, intermediates: [], roots: [root.pem] });
  const failing = findings.filter(({ fails }) => fails);
  return { good: failing.length === 0, told: failing.map(({ message }) => message).join('; ') };
}

async function theirs(
  { leaf, others, root, differs }: Case,
  folder: string,
): Promise<{ good: boolean; told: string }> {
  const write = (name: string, members: Made[]): string => {
    writeFileSync(join(folder, name), members.map(({ pem }) => pem).join(''));
    return name;
  };
  const verify = async (untrusted: Made[]): Promise<{ good: boolean; told: string }> => {
    const files = [
      '-CAfile',
      write('root.pem', [root]),
      '-untrusted',
      write('others.pem', [root, ...untrusted]),
    ];
    const time = ['-attime', String(NOW.getTime() / 1_000)];
    const only = ['-no-CApath', '-no-CAstore', '-auth_level', '2', '-purpose', 'sslserver'];
    return await opensslVerdict(['verify', ...only, ...time, ...files, write('leaf.pem', [leaf])], folder);
  };
  const first = await verify(others);
  return first.good || differs !== 'crossed' ? first : await verify([...others].reverse());
}

/** Ours may only be stricter, and only where it is said above. */
function agree(one: Case, our: boolean, their: boolean): boolean {
  return our === their || (!our && their && ['curve', 'ca-unsaid', 'own-sha1'].includes(one.differs ?? ''));
}

describe(`${CASES} chains of all kinds`, () => {
  const folder = workFolder();

  it('are judged as OpenSSL judges them', async function () {
    this.timeout(60_000);
    const random = new Random(SEED);
    const cases = Array.from({ length: CASES }, () => makeCase(random));
    const counts = { good: 0, bad: 0 };
    const disagreements: string[] = [];
    const work = async (lane: number): Promise<void> => {
      const own = join(folder, `${lane}`);
      mkdirSync(own);
      for (let one = cases.pop(); one !== undefined; one = cases.pop()) {
        const [our, their] = [ours(one), await theirs(one, own)];
        counts[their.good ? 'good' : 'bad'] += 1;
        if (!agree(one, our.good, their.good))
          disagreements.push(`${one.story.join(', ')}\n  ours: ${our.told}\n  OpenSSL: ${their.told}`);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, (_, lane) => work(lane)));
    assert.deepEqual(disagreements, []);
    assert.ok(Math.min(counts.good, counts.bad) > CASES / 5, JSON.stringify(counts));
  });
});
