/** The extensions of a certificate that decide what it may do: RFC 5280, 4.2. */
import {
  BadDer,
  type Der,
  expect,
  field,
  items,
  readBoolean,
  readCount,
  readDer,
  readOid,
  TAG,
} from './der.ts';
import { type GeneralName, readGeneralName, readGeneralNames } from './x509-name.ts';

export interface NameConstraints {
  permitted: GeneralName[];
  excluded: GeneralName[];
}

export interface Extensions {
  /** X.509 version: extensions exist from 3 on. */
  version: number;
  ca: boolean;
  /** CA certificates that may stand between this one and the last. */
  pathLength: number | undefined;
  keyUsage: string[] | undefined;
  extendedKeyUsage: string[] | undefined;
  /** Of Netscape, older than both: `sslClient`, `sslServer`, …; undefined: not said. */
  netscapeTypes: string[] | undefined;
  alternativeNames: GeneralName[];
  nameConstraints: NameConstraints | undefined;
  /** Lower-case hex: which key this is, and which one signed it, where both sides say so. */
  subjectKeyId: string | undefined;
  authorityKeyId: string | undefined;
  unknownCritical: string[];
}

const USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
];
const PURPOSES: Record<string, string> = {
  '2.5.29.37.0': 'anyExtendedKeyUsage',
  '1.3.6.1.5.5.7.3.1': 'serverAuth',
  '1.3.6.1.5.5.7.3.2': 'clientAuth',
  '1.3.6.1.5.5.7.3.3': 'codeSigning',
  '1.3.6.1.5.5.7.3.4': 'emailProtection',
  '1.3.6.1.5.5.7.3.8': 'timeStamping',
  '1.3.6.1.5.5.7.3.9': 'OCSPSigning',
  '1.3.6.1.4.1.311.10.3.3': 'msSGC',
  '2.16.840.1.113730.4.1': 'nsSGC',
};
const NETSCAPE_TYPES = [
  'sslClient',
  'sslServer',
  'email',
  'objectSigning',
  'reserved',
  'sslCa',
  'emailCa',
  'objectSigningCa',
];
/** Understood in that nothing here depends on them: certificate policies and where revocations are told. */
const HARMLESS = new Set(['2.5.29.31', '2.5.29.32', '2.5.29.33', '2.5.29.36', '2.5.29.54']);

type Reader = (value: Der, found: Extensions) => void;

const READERS: Record<string, Reader> = {
  '2.5.29.14': (value, found) => {
    found.subjectKeyId = expect(value, TAG.octetString).content.toString('hex');
  },
  '2.5.29.15': (value, found) => {
    found.keyUsage = readFlags(value, USAGES);
  },
  '2.5.29.17': (value, found) => {
    found.alternativeNames = readGeneralNames(value);
  },
  '2.5.29.19': (value, found) => {
    Object.assign(found, readBasicConstraints(value));
  },
  '2.5.29.30': (value, found) => {
    found.nameConstraints = readNameConstraints(value);
  },
  '2.5.29.35': (value, found) => {
    const id = items(value, TAG.sequence).find(({ tag }) => tag === field(0, false));
    found.authorityKeyId = id?.content.toString('hex');
  },
  '2.5.29.37': (value, found) => {
    found.extendedKeyUsage = items(value, TAG.sequence).map(each => PURPOSES[readOid(each)] ?? readOid(each));
  },
  '2.16.840.1.113730.1.1': (value, found) => {
    found.netscapeTypes = readFlags(value, NETSCAPE_TYPES);
  },
};

/** `rest` is what follows the key in a certificate. Throws BadDer. */
export function readExtensions(rest: Der[], version: number): Extensions {
  const found: Extensions = {
    version,
    ca: false,
    pathLength: undefined,
    keyUsage: undefined,
    extendedKeyUsage: undefined,
    netscapeTypes: undefined,
    alternativeNames: [],
    nameConstraints: undefined,
    subjectKeyId: undefined,
    authorityKeyId: undefined,
    unknownCritical: [],
  };
  const seen = new Set<string>();
  for (const extension of listed(rest)) {
    const [first, ...others] = items(extension, TAG.sequence);
    const id = readOid(first);
    const critical = others[0]?.tag === TAG.boolean && readBoolean(others.shift());
    const value = expect(others[0], TAG.octetString).content;
    if (seen.has(id) || others.length !== 1) throw new BadDer('an extension twice');
    seen.add(id);
    const reader = READERS[id];
    if (reader !== undefined) reader(readDer(value), found);
    else if (critical && !HARMLESS.has(id)) found.unknownCritical.push(id);
  }
  return found;
}

/** Two unique identifiers of long ago may stand before the extensions. */
function listed(rest: Der[]): Der[] {
  const last = rest.find(({ tag }) => tag === field(3, true));
  if (rest.some(({ tag }) => ![field(1, false), field(2, false), field(3, true)].includes(tag)))
    throw new BadDer('an unknown field');
  if (last === undefined) return [];
  const [list, ...more] = items(last);
  if (more.length > 0) throw new BadDer('more than one list');
  return items(expect(list, TAG.sequence));
}

function readBasicConstraints(value: Der): Pick<Extensions, 'ca' | 'pathLength'> {
  const fields = items(value, TAG.sequence);
  const ca = fields[0]?.tag === TAG.boolean && readBoolean(fields.shift());
  const [length, ...more] = fields;
  if (more.length > 0) throw new BadDer('no basic constraints');
  return { ca, pathLength: length === undefined ? undefined : readCount(length) };
}

function readFlags(value: Der, names: readonly string[]): string[] {
  const [unused = 0, ...bytes] = expect(value, TAG.bitString).content;
  if (unused > 7 || bytes.length > 2) throw new BadDer('no key usage');
  return names.filter((_, bit) => ((bytes[bit >> 3] ?? 0) & (0x80 >> (bit & 7))) !== 0);
}

/** Minimum and maximum of a subtree are never used (RFC 5280, 4.2.1.10), and refused. */
function readNameConstraints(value: Der): NameConstraints {
  const fields = items(value, TAG.sequence);
  const subtrees = (number: number): GeneralName[] =>
    fields
      .filter(({ tag }) => tag === field(number, true))
      .flatMap(list => items(list))
      .map(subtree => {
        const [base, ...more] = items(subtree, TAG.sequence);
        if (base === undefined || more.length > 0) throw new BadDer('no subtree');
        return readGeneralName(base);
      });
  return { permitted: subtrees(0), excluded: subtrees(1) };
}
