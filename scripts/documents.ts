/** Documents that are made from what the code says, so that they cannot say anything else. */
import { EXIT_OF_CLASS } from '../cli/exit.ts';
import type { Catalog } from '../schema/catalog.ts';
import { ERROR_CODES } from '../schema/error.ts';
import { isObject, type Json, type JsonObject } from '../schema/json.ts';
import { CHANGERS, type Kind } from '../schema/kind.ts';
import { NOTICES, RULES } from '../schema/rules/index.ts';
import { tightenedSchema } from '../schema/tightened.ts';

const NOTE = '<!-- Made by `npm run types:generate`; changes here are lost. -->';

/** Checks that every kind has by its schema: they have no rule of their own. */
const SCHEMA_CHECKS: [code: string, holds: string, hint: string][] = [
  [
    'invalid-value',
    'A record has the fields, types and ranges of the schema of its kind.',
    'docs/REFERENCE.md lists them.',
  ],
  [
    'id-mismatch',
    'The fields that an id spells out say what the id says.',
    'Leave them out: they are filled in.',
  ],
  [
    'parent-missing',
    'A record below another one exists only with it.',
    'Add the parent first, or in the same change.',
  ],
  [
    'dangling-reference',
    'What a record names exists (`refersTo`); what is named cannot be removed.',
    'Change both in one change.',
  ],
  ['not-unique', 'A value marked `unique` exists once in its collection.', 'Choose another value.'],
];

export function renderRules(): string {
  const rows = [...RULES, ...NOTICES].map(({ code, severity, holds, why, hint }) => [
    `\`${code}\``,
    severity,
    holds,
    why,
    hint,
  ]);
  const checks = SCHEMA_CHECKS.map(([code, holds, hint]) => [`\`${code}\``, 'error', holds, hint]);
  return page(
    'Rules that a valid configuration keeps',
    'An error refuses the change. A warning is told with the change, and shown in `lockstep status` until it is mended; a notice is told with the change only. A tightened rule refuses what somebody writes now; what an earlier release took is warned of, and never makes an update, a restore or an undo fail.',
    '## Across records',
    table(['code', 'severity', 'what holds', 'why', 'what to do'], rows),
    '## From the schemas',
    table(['code', 'severity', 'what holds', 'what to do'], checks),
  );
}

export function renderErrors(): string {
  const rows = Object.entries(ERROR_CODES).map(([code, { class: kind, means }]) => [
    `\`${code}\``,
    kind,
    String(EXIT_OF_CLASS[kind]),
    means,
  ]);
  return page(
    'Error codes',
    'Codes are stable: scripts may rely on them. `--json` prints them as `error.code`; the API answers with them as `code`.',
    table(['code', 'class', 'exit code', 'meaning'], rows),
    'Exit code 0 is success, 1 an answer such as "differs" or "not in step".',
  );
}

export function renderReference(catalog: Catalog): string {
  const kinds = [...catalog.kinds].sort((a, b) => (a.template.join('/') < b.template.join('/') ? -1 : 1));
  return page(
    'All kinds of records',
    'Scope `unit`: the value belongs to one unit and never leaves it. Secrets are masked in every output. `Changed by` is the least role of operators that may.',
    ...kinds.flatMap(describeKind),
  );
}

function describeKind(kind: Kind): string[] {
  const id =
    kind.id === undefined
      ? []
      : [
          `Id: ${kind.id.description} For example ${kind.id.examples.map(example => `\`${example}\``).join(', ')}.`,
        ];
  const fields = Object.entries(tightenedSchema(kind).properties as JsonObject).map(([name, field]) =>
    fieldRow(kind, name, field as JsonObject),
  );
  return [
    `## \`${kind.template.join('/')}\``,
    `${kind.title}: ${kind.description} Part of a backup: \`${kind.part}\`. Changed by: ${changers(kind)}.`,
    ...id,
    table(['field', 'scope', 'values', 'default', 'meaning'], fields),
  ];
}

/** `admin`, or `operate; admin: hook, recipients`. */
function changers({ changedBy, fieldsChangedBy }: Kind): string {
  const fields = CHANGERS.map(role => {
    const names = [...fieldsChangedBy].filter(([, own]) => own === role).map(([name]) => `\`${name}\``);
    return names.length === 0 ? '' : `; ${role}: ${names.join(', ')}`;
  });
  return [changedBy, ...fields].join('');
}

function fieldRow(kind: Kind, name: string, field: JsonObject): string[] {
  const scope = kind.unitFields.has(name) ? 'unit' : 'pair';
  const secret = field.writeOnly === true ? ' (secret)' : '';
  return [
    `\`${name}\``,
    scope,
    values(field) + secret,
    field.default === undefined ? '' : code(field.default),
    String(field.description ?? ''),
  ];
}

function values(field: JsonObject): string {
  if (Array.isArray(field.enum)) return field.enum.map(code).join(', ');
  if (field.type === 'array') return `list of ${isObject(field.items) ? values(field.items) : 'values'}`;
  const range = [field.minimum, field.maximum].some(bound => bound !== undefined)
    ? ` ${String(field.minimum ?? '')}–${String(field.maximum ?? '')}`
    : '';
  const form = String(field.format ?? field.type ?? 'value');
  return `${form === 'one-line' ? 'string' : form.replace(/^plain-/, '')}${range}`;
}

function code(value: Json): string {
  return `\`${JSON.stringify(value)}\``;
}

function page(title: string, ...blocks: string[]): string {
  return `${[NOTE, `# ${title}`, ...blocks].join('\n\n')}\n`;
}

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]): string =>
    `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
