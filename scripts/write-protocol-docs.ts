/** Writes docs/PROTOCOL.md from the table of methods: `node scripts/write-protocol-docs.ts [--check]`. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as z from 'zod/mini';
import { ERROR_CODES, ERROR_KINDS } from '../protocol/errors.ts';
import { DURABLE_EVENT_DATA, EPHEMERAL_EVENT_DATA } from '../protocol/event.ts';
import { MAX_BODY_BYTES, MAX_HEADER_BYTES } from '../protocol/frame.ts';
import type { MethodSpec } from '../protocol/method-spec.ts';
import { METHODS } from '../protocol/methods.ts';
import { PROTOCOL } from '../protocol/version.ts';

const FILE = join(import.meta.dirname, '..', 'docs', 'PROTOCOL.md');

/** The part of JSON Schema that zod gives for our shapes. */
interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly additionalProperties?: unknown;
}

const EFFECTS: Readonly<Record<MethodSpec['effect'], string>> = {
  read: 'changes nothing',
  op: 'once for each `opId`',
  set: 'the same when repeated',
  once: 'must not be repeated',
};

function schemaOf(type: z.ZodMiniType): Schema {
  return z.toJSONSchema(type, { unrepresentable: 'any' }) as Schema;
}

function describe(schema: Schema): string {
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return choices.map((choice) => describe(choice)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.type === 'array') return `${parenthesised(describe(schema.items ?? {}))}[]`;
  if (schema.type === 'object') return describeObject(schema);
  return [schema.type ?? 'any'].flat().join(' | ');
}

function describeObject(schema: Schema): string {
  const properties = Object.entries(schema.properties ?? {});
  if (properties.length === 0) {
    const values = schema.additionalProperties;
    return typeof values === 'object' && values !== null ? `{[name]: ${describe(values)}}` : '{}';
  }
  const required = new Set(schema.required ?? []);
  return `{${properties.map(([name, value]) => `${name}${required.has(name) ? '' : '?'}: ${describe(value)}`).join(', ')}}`;
}

function parenthesised(text: string): string {
  return text.includes(' | ') ? `(${text})` : text;
}

function methodSection(name: string, spec: MethodSpec): string {
  const facts = [
    EFFECTS[spec.effect],
    spec.needsKey ? 'needs the key' : 'works without the key',
    ...(spec.admin ? ['also used by the admin CLI'] : []),
    `deadline ${spec.deadlineMs / 1000} s`,
  ];
  return [
    `### ${name}`,
    '',
    spec.summary,
    '',
    `- params: \`${describe(schemaOf(spec.params))}\``,
    `- result: \`${describe(schemaOf(spec.result))}\``,
    ...(spec.errors.length > 0 ? [`- errors: ${spec.errors.map((kind) => `\`${kind}\``).join(', ')}`] : []),
    `- ${facts.join('; ')}`,
    '',
  ].join('\n');
}

function eventRows(data: Readonly<Record<string, z.ZodMiniType>>): string {
  return Object.entries(data)
    .map(([type, shape]) => `| \`${type}\` | \`${describe(schemaOf(shape)).replaceAll('|', '\\|')}\` |`)
    .join('\n');
}

function document(): string {
  const methods = Object.entries<MethodSpec>(METHODS).map(([name, spec]) => methodSection(name, spec));
  const codes = Object.entries(ERROR_CODES).map(([kind, code]) => `| ${code} | \`${kind}\` |`);
  return `<!-- Generated from protocol/methods.ts by \`npm run docs:write\`. Do not edit. -->

# Protocol

Version ${PROTOCOL.max}; versions ${PROTOCOL.min} to ${PROTOCOL.max} are spoken.

JSON-RPC 2.0 over one Unix socket. Each message is a frame: the header \`Content-Length: N\`, CR LF, CR LF, and N bytes of
UTF-8 JSON. A header has at most ${MAX_HEADER_BYTES} bytes, a body at most ${MAX_BODY_BYTES}. What is not a frame, or
holds no JSON in UTF-8, is answered with ${ERROR_CODES.PARSE} after everything that came whole before it, and the connection is closed.

Of what JSON-RPC 2.0 leaves open or allows, this is narrower on purpose. Params are by name, never by position: an array is
answered with ${ERROR_CODES.INVALID_PARAMS}. Batches are refused as a whole with one ${ERROR_CODES.INVALID_REQUEST}, and nothing in them takes effect. The id of a
request is a string or a number, and no two open requests have the same; what is no request is answered with
${ERROR_CODES.INVALID_REQUEST} and the id null, and before the handshake the connection is closed then. A method that is sent as a notification does
nothing.

The first request is \`initialize\`; nothing else is served before it. \`initialize\`, \`daemon/status\` and
\`daemon/shutdown\` are frozen: any client can greet, inspect and stop any daemon. Params are one object each. Unknown
fields of params are refused, except in the frozen methods; unknown fields of results are to be ignored.

\`$/cancelRequest {id}\` abandons a request. What is durable is not undone by it, nor by a lost connection: a request that
changes something carries an \`opId\` (a ULID) and has effect once, however often it is sent.

## Methods

${methods.join('\n')}
## Events

\`session/attach\` subscribes a connection. From then on it receives notifications
\`event {sessionId, generation, seq, type, turn, at, data}\`.

Durable events are the entries of the session's log, each with its own \`seq\`, in order and without a gap. A client that
reconnects attaches with the cursor \`{generation, seq}\` of the last one it has seen. \`generation\` changes when the store
is replaced; then, or when the position is not part of the session any more, the answer is CURSOR_GONE.

| type | data |
|---|---|
${eventRows(DURABLE_EVENT_DATA)}

Ephemeral events carry the \`seq\` of the entry before them and are not replayed.

| type | data |
|---|---|
${eventRows(EPHEMERAL_EVENT_DATA)}

A client that reads slower than events come is not sent deltas; it reads its way up from its cursor and is then sent what
it lacks of the live reply. One that takes nothing for 30 s is disconnected and may come back with its cursor.

## Errors

\`{code, message, data: {kind, retryable, hint, traceId?, retryAfterMs?}}\`. Clients switch on \`kind\`.

| code | kind |
|---|---|
${codes.join('\n')}

\`application\` stands for every kind without a code of its own. All kinds: ${ERROR_KINDS.map((kind) => `\`${kind}\``).join(', ')}.
`;
}

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const text = document();
if (!values.check) {
  writeFileSync(FILE, text);
} else if (!existsSync(FILE) || readFileSync(FILE, 'utf8') !== text) {
  process.stderr.write('docs/PROTOCOL.md does not fit protocol/: run `npm run docs:write`.\n');
  process.exitCode = 1;
}
