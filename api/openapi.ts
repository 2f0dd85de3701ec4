/** The OpenAPI document, from the contract. */
import { isObject, type Json, type JsonObject } from '../schema/json.ts';
import { AUTHOR_HEADER } from './author.ts';
import type { AnyMethod } from './contract/method.ts';
import { NOUNS } from './contract/methods.ts';
import { nameOf } from './contract/schema.ts';
import { error } from './contract/shapes.ts';
import { FACTS_HEADER } from './facts-header.ts';
import { UPLOAD_TYPE } from './upload.ts';

const INFO: JsonObject = {
  title: 'Lockstep',
  version: '1',
  license: { name: 'MIT', identifier: 'MIT' },
  description: [
    'The API of one unit. Errors have one shape everywhere: a stable code, a sentence, and a hint.',
    'Each operation needs a role of operators: read, operate or admin.',
    'Answers may gain fields in a later release; requests with fields that are not named here are refused.',
  ].join(' '),
};

const SECURITY: JsonObject = {
  unixSocket: {
    type: 'apiKey',
    in: 'header',
    name: AUTHOR_HEADER,
    description:
      'Over control.sock in the directory of the unit, which its owner alone can open: with every right. The header (percent-encoded UTF-8, at most 128 characters) says who asks.',
  },
  operator: {
    type: 'http',
    scheme: 'ssh',
    description: 'Over a channel of the SSH connection of an operator: who they are is said by their key.',
  },
};

const TAGS: Record<keyof typeof NOUNS, string> = {
  status: 'How a unit and its pair are',
  configuration: 'Reading the configuration and its history',
  changes: 'Changing the configuration',
  branches: 'What one side changed while the pair was divided',
  pair: 'The two units as a pair',
  backups: 'Encrypted bundles of the configuration',
  restore: 'Taking bundles in, and restoring what they hold',
  certificates: 'Certificates and their keys',
  audits: 'Whether two states are the same, and why not',
  doctor: 'Every rule of a pair that a program can check',
  events: 'What happens, as it happens',
  store: 'The store of a unit, and its process',
};

/** Schemas as the document has them: a named shape stands in the components, once. */
class Shapes {
  readonly components: JsonObject = {};

  /** `open`: it may have more fields than are named. */
  written(schema: JsonObject, open: boolean): JsonObject {
    const name = nameOf(schema);
    if (name === undefined) return this.#inner(schema, open);
    this.components[name] ??= this.#inner(schema, open);
    return { $ref: `#/components/schemas/${name}` };
  }

  #inner(schema: JsonObject, open: boolean): JsonObject {
    // A discriminator speaks of shapes in the components only.
    const { discriminator: _field, additionalProperties, properties, ...rest } = schema;
    const inner: JsonObject = this.#each(rest, open);
    if (isObject(properties)) inner.properties = this.#each(properties, open);
    if (isObject(additionalProperties)) inner.additionalProperties = this.written(additionalProperties, open);
    else if (additionalProperties !== undefined && !open) inner.additionalProperties = additionalProperties;
    return inner;
  }

  #each(values: JsonObject, open: boolean): JsonObject {
    const write = (value: Json): Json =>
      Array.isArray(value) ? value.map(write) : isObject(value) ? this.written(value, open) : value;
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, write(value)]));
  }
}

let document: JsonObject | undefined;

export function openapi(): JsonObject {
  document ??= made();
  return document;
}

function made(): JsonObject {
  const shapes = new Shapes();
  const paths: Record<string, JsonObject> = {};
  for (const [tag, methods] of Object.entries(NOUNS))
    for (const [name, method] of Object.entries(methods as Record<string, AnyMethod>)) {
      const operation = operationOf(name, tag, method, shapes);
      paths[method.path] = { ...paths[method.path], [method.http.toLowerCase()]: operation };
    }
  return {
    openapi: '3.1.0',
    info: INFO,
    servers: [{ url: '/', description: 'The unit that is asked.' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: shapes.components, securitySchemes: SECURITY },
  };
}

function operationOf(name: string, tag: string, method: AnyMethod, shapes: Shapes): JsonObject {
  const { http, doc, role, written, question } = method;
  return {
    operationId: name,
    tags: [tag],
    summary: doc,
    description: `Needs the role ${role}.${http === 'POST' && question ? ' It changes nothing.' : ''}`,
    security: [{ unixSocket: [] }, { operator: [role] }],
    ...(http === 'GET' ? parametersOf(method, shapes) : { requestBody: bodyOf(method, shapes) }),
    responses: {
      200: { description: 'Done', ...headersOf(written, method, shapes), content: contentOf(method, shapes) },
      default: {
        description: 'Refused or failed',
        content: { 'application/json': { schema: shapes.written(error, true) } },
      },
    },
  };
}

function parametersOf({ asks, example = {} }: AnyMethod, shapes: Shapes): JsonObject {
  const properties = Object.entries(asks.properties as Record<string, JsonObject>);
  if (properties.length === 0) return {};
  const required = asks.required as string[];
  const parameters = properties.map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    ...(description === undefined ? {} : { description }),
    required: required.includes(name),
    schema: shapes.written(schema, false),
    ...(example[name] === undefined ? {} : { example: example[name] }),
  }));
  return { parameters };
}

function bodyOf({ asks, example, upload }: AnyMethod, shapes: Shapes): JsonObject {
  if (upload) return { required: true, content: { [UPLOAD_TYPE]: { schema: { description: 'The file.' } } } };
  const required = (asks.required as string[]).length > 0;
  const media = { schema: shapes.written(asks, false), ...(example === undefined ? {} : { example }) };
  return { required, content: { 'application/json': media } };
}

const TYPES: Record<AnyMethod['written'], string> = {
  json: 'application/json',
  text: 'text/plain',
  bytes: UPLOAD_TYPE,
  events: 'text/event-stream',
};

function contentOf({ answer, written }: AnyMethod, shapes: Shapes): JsonObject {
  const file = { description: 'The bytes of the file.', contentMediaType: UPLOAD_TYPE };
  return { [TYPES[written]]: { schema: written === 'bytes' ? file : shapes.written(answer, true) } };
}

function headersOf(written: AnyMethod['written'], { answer }: AnyMethod, shapes: Shapes): JsonObject {
  if (written !== 'bytes') return {};
  const description = 'What the file is.';
  const content = { 'application/json': { schema: shapes.written(answer, true) } };
  return { headers: { [FACTS_HEADER]: { description, content } } };
}
