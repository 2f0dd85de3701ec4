/**
 * Counts what the code without tests is made of: `npm run structure`. docs/DESIGN.md, Figures of the house, keeps the answers.
 * A circle is a set of files that reach each other by imports; at runtime only imports of values tie them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from '@babel/parser';
import { ROOMS } from '../test/rooms.ts';

interface Import {
  to: string;
  value: boolean;
}

interface File {
  name: string;
  lines: number;
  functions: { name: string; lines: number }[];
  imports: Import[];
}

interface Node {
  type: string;
  loc?: { start: { line: number }; end: { line: number } };
  [field: string]: unknown;
}

const FUNCTIONS = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassMethod',
  'ClassPrivateMethod',
  'ObjectMethod',
]);

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

function* nodesOf(node: Node): Generator<Node> {
  yield node;
  for (const field of Object.values(node))
    for (const child of Array.isArray(field) ? field : [field]) if (isNode(child)) yield* nodesOf(child);
}

function linesOf({ loc }: Node): number {
  return loc === undefined ? 0 : loc.end.line - loc.start.line + 1;
}

function nameOf(node: Node): string {
  const named = (node.id ?? node.key) as { name?: string; id?: { name?: string } } | null | undefined;
  return named?.name ?? named?.id?.name ?? `a function in line ${node.loc?.start.line}`;
}

/** Every specifier is a value, unless it says `type`; a name that is only a type is not told apart: biome sees to that. */
function isValue(node: Node): boolean {
  if (node.importKind === 'type' || node.exportKind === 'type') return false;
  const specifiers = (node.specifiers ?? []) as Node[];
  const isType = (each: Node): boolean => each.importKind === 'type' || each.exportKind === 'type';
  return specifiers.length === 0 || !specifiers.every(isType);
}

function importsOf(node: Node, file: string): Import[] {
  const source = node.source as { value?: string } | undefined;
  const dynamic = node.type === 'CallExpression' && (node.callee as Node).type === 'Import';
  const from = dynamic ? ((node.arguments as { value?: string }[])[0]?.value ?? '') : (source?.value ?? '');
  if (!from.startsWith('.')) return [];
  return [{ to: path.join(file, '..', from), value: dynamic || isValue(node) }];
}

function readFile(name: string): File {
  const text = readFileSync(name, 'utf8');
  const tree = parse(text, { sourceType: 'module', plugins: ['typescript'] }) as unknown as Node;
  const file: File = { name, lines: text.split('\n').length - 1, functions: [], imports: [] };
  for (const node of nodesOf(tree.program as Node)) {
    if (FUNCTIONS.has(node.type)) file.functions.push({ name: nameOf(node), lines: linesOf(node) });
    file.imports.push(...importsOf(node, name));
  }
  return file;
}

/** Sets of two and more files that reach each other (Tarjan). */
function circles(files: Map<string, File>, counts: (each: Import) => boolean): string[][] {
  const found: string[][] = [];
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const visit = (name: string): void => {
    const at = index.size;
    index.set(name, at);
    low.set(name, at);
    stack.push(name);
    for (const { to } of files.get(name)?.imports.filter(counts) ?? []) {
      if (!files.has(to)) continue;
      if (!index.has(to)) visit(to);
      if (stack.includes(to)) low.set(name, Math.min(low.get(name) as number, low.get(to) as number));
    }
    if (low.get(name) !== at) return;
    const circle = stack.splice(stack.indexOf(name));
    if (circle.length > 1) found.push(circle.sort());
  };
  for (const name of files.keys()) if (!index.has(name)) visit(name);
  return found.sort((a, b) => b.length - a.length);
}

function spread(counts: number[]): string {
  const sorted = counts.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return `${sorted.length}, median ${at(0.5)}, p90 ${at(0.9)}, longest ${sorted.at(-1) ?? 0}`;
}

function longest(named: { name: string; lines: number }[]): string {
  return named
    .toSorted((a, b) => b.lines - a.lines)
    .slice(0, 5)
    .map(({ name, lines }) => `${name} ${lines}`)
    .join(', ');
}

function told(found: string[][]): string {
  return found.length === 0 ? 'none' : found.map(each => `${each.length} (${each.join(', ')})`).join('; ');
}

const names = ROOMS.flatMap(room =>
  readdirSync(room, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map(name => path.join(room, name)),
);
const files = new Map(names.map(name => [name, readFile(name)]));
const all = [...files.values()];
const functions = all.flatMap(file =>
  file.functions.map(each => ({ ...each, name: `${file.name} ${each.name}` })),
);
const importers = new Map<string, number>();
for (const file of all)
  for (const to of new Set(file.imports.map(each => each.to)))
    importers.set(to, (importers.get(to) ?? 0) + 1);
const most = [...importers].sort((a, b) => b[1] - a[1]).slice(0, 5);
const room = (name: string): string => name.split('/')[0] as string;
const arrows = new Map<string, number>();
for (const file of all)
  for (const { to } of file.imports)
    if (files.has(to) && room(to) !== room(file.name)) {
      const arrow = `${room(file.name)} -> ${room(to)}`;
      arrows.set(arrow, (arrows.get(arrow) ?? 0) + 1);
    }

process.stdout.write(`lines without tests  ${all.reduce((sum, file) => sum + file.lines, 0)}
lines of files       ${spread(all.map(file => file.lines))}
longest files        ${longest(all)}
lines of functions   ${spread(functions.map(each => each.lines))}
longest functions    ${longest(functions)}
most imported        ${most.map(([name, count]) => `${name} ${count}`).join(', ')}
circles at runtime   ${told(circles(files, each => each.value))}
circles by types     ${told(circles(files, () => true))}
arrows of folders    ${[...arrows]
  .sort((a, b) => b[1] - a[1])
  .map(([arrow, count]) => `${arrow} ${count}`)
  .join(', ')}
`);
