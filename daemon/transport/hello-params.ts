/** The params of the frozen methods, checked by hand: the schema library is not loaded yet when they arrive. */
import type { DaemonShutdownParams, InitializeParams } from '../../protocol/admin.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { KeyProvider, KeyWish } from '../../protocol/key.ts';
import type { Build } from '../../protocol/version.ts';
import type * as z from 'zod/mini';

type Kind = InitializeParams['client']['kind'];
type Fields = Readonly<Record<string, unknown>>;

const KINDS: readonly string[] = ['tui', 'chat', 'run', 'mctl', 'daemon', 'other'] satisfies Kind[];
const KEY_PROVIDERS: readonly string[] = ['keychain', 'keyfile', 'passphrase'] satisfies KeyProvider[];
const MAX_TEXT = 100;
const MAX_BUILD_TEXT = 200;
const MAX_VARIABLES = 64;
const MAX_VARIABLE_LENGTH = 4096;

/**
 * The params of `initialize`. Fields of later versions are ignored and a kind of a later version counts as `other`, so
 * that any client can greet any daemon.
 * @throws ProtocolError INVALID_PARAMS naming the field.
 */
export function readInitializeParams(params: unknown): InitializeParams {
  const fields = object(params, 'params');
  const protocol = object(fields['protocol'], 'protocol');
  const client = object(fields['client'], 'client');
  const kind = text(client['kind'], 'client.kind');
  return {
    protocol: { min: integer(protocol['min'], 'protocol.min'), max: integer(protocol['max'], 'protocol.max') },
    client: {
      name: text(client['name'], 'client.name'),
      kind: KINDS.includes(kind) ? (kind as Kind) : 'other',
      build: readBuild(client['build'], 'client.build'),
      pid: integer(client['pid'], 'client.pid'),
    },
    timeZone: text(fields['timeZone'], 'timeZone'),
    ...(fields['key'] === undefined ? {} : { key: readKeyWish(fields['key']) }),
  };
}

/** @throws ProtocolError INVALID_PARAMS naming the field. */
export function readShutdownParams(params: unknown): z.infer<typeof DaemonShutdownParams> {
  const fields = object(params === undefined ? {} : params, 'params');
  const mode = fields['mode'];
  if (mode !== undefined && mode !== 'drain' && mode !== 'now') throw invalid('mode', '"drain" or "now"');
  return {
    ...(mode === undefined ? {} : { mode }),
    ...optionalFlag(fields, 'onlyIfIdle'),
    ...optionalFlag(fields, 'deliberate'),
  };
}

/** @throws ProtocolError INVALID_PARAMS naming the field. */
export function readReleaseParams(params: unknown): { readonly build: Build } {
  return { build: readBuild(object(params, 'params')['build'], 'build') };
}

function readBuild(value: unknown, name: string): Build {
  const build = object(value, name);
  const builtAt = build['builtAt'];
  if (typeof builtAt !== 'number' || !Number.isFinite(builtAt)) throw invalid(`${name}.builtAt`, 'a number');
  return {
    version: text(build['version'], `${name}.version`, MAX_BUILD_TEXT),
    id: text(build['id'], `${name}.id`, MAX_BUILD_TEXT),
    builtAt,
  };
}

function readKeyWish(value: unknown): KeyWish {
  const wish = object(value, 'key');
  const provider = wish['provider'];
  if (provider !== undefined && !(typeof provider === 'string' && KEY_PROVIDERS.includes(provider))) {
    throw invalid('key.provider', `one of ${KEY_PROVIDERS.join(', ')}`);
  }
  const environment = wish['environment'];
  return {
    ...(provider === undefined ? {} : { provider: provider as KeyProvider }),
    ...(environment === undefined ? {} : { environment: readEnvironment(environment) }),
    ...optionalFlag(wish, 'create', 'key.'),
    ...optionalFlag(wish, 'allowKeyfile', 'key.'),
    ...optionalFlag(wish, 'interactive', 'key.'),
  };
}

function readEnvironment(value: unknown): Record<string, string> {
  const entries = Object.entries(object(value, 'key.environment'));
  if (entries.length > MAX_VARIABLES) throw invalid('key.environment', `at most ${MAX_VARIABLES} variables`);
  return Object.fromEntries(
    entries.map(([name, content]) => [name, text(content, 'key.environment', MAX_VARIABLE_LENGTH)]),
  );
}

function object(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(name, 'an object');
  return value as Fields;
}

function text(value: unknown, name: string, longest = MAX_TEXT): string {
  if (typeof value !== 'string') throw invalid(name, 'a string');
  if (value.length > longest) throw invalid(name, `at most ${longest} characters long`);
  return value;
}

function integer(value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw invalid(name, 'a whole number');
  return value;
}

function optionalFlag<N extends string>(fields: Fields, name: N, prefix = ''): Partial<Record<N, boolean>> {
  const value = fields[name];
  if (value === undefined) return {};
  if (typeof value !== 'boolean') throw invalid(prefix + name, 'true or false');
  return { [name]: value } as Partial<Record<N, boolean>>;
}

function invalid(name: string, expected: string): ProtocolError {
  return new ProtocolError('INVALID_PARAMS', `${name} must be ${expected}`);
}
