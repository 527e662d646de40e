/** The settings that exist: their shapes, their defaults, and how a person is told what they may be. */
import * as z from 'zod/mini';
import { needsAddress, PROVIDER_TYPES } from './provider-types.ts';
import { isSecretHeader, isSecretValue, looksRandom } from './secrets.ts';

/** The provider name of the built-in model. */
export const RESERVED_PROVIDER = 'demo';
export const DEFAULT_MODEL = 'demo/offline';

const MODES = ['ask', 'auto-edit', 'full'] as const;
const RECOVERY = ['safe', 'ask', 'never'] as const;
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
const WATCH = ['auto', 'on', 'off'] as const;
const REASONING = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh'] as const;

type Complaint = (value: string) => string | undefined;

/** A text that a function may object to in words. */
function text(complaint: Complaint) {
  return z.string().check((payload) => {
    const message = complaint(payload.value);
    if (message !== undefined) payload.issues.push({ code: 'custom', message, input: payload.value });
  });
}

const Seconds = z.number().check(z.gte(0.1), z.lte(86_400));
const ModelName = z.string().check(z.regex(/^[^\s\p{Cc}]{1,250}$/u));
const ModelId = z.string().check(z.regex(/^[^/\s\p{Cc}]+\/[^\s\p{Cc}]+$/u), z.maxLength(300));
const ProviderName = z.string().check(z.regex(/^[A-Za-z0-9_-]{1,64}$/));
const HeaderName = z.string().check(z.regex(/^[A-Za-z0-9_-]{1,100}$/));

const ProviderShape = z
  .strictObject({
    type: z._default(z.enum(PROVIDER_TYPES), 'openai-compatible'),
    base_url: z.optional(text(complainAboutUrl)),
    api_key_env: z.optional(text(complainAboutVariable)),
    models: z._default(z.array(ModelName).check(z.maxLength(1000)), []),
    headers: z._default(z.record(HeaderName, text(complainAboutHeader)), {}),
    reasoning: z.optional(z.enum(REASONING)),
    max_output_tokens: z.optional(z.int().check(z.gte(1), z.lte(10_000_000))),
    connect_timeout_seconds: z._default(Seconds, 10),
    first_byte_timeout_seconds: z._default(Seconds, 300),
    silence_timeout_seconds: z._default(Seconds, 120),
  })
  .check((payload) => {
    const { type, base_url } = payload.value;
    if (base_url !== undefined || !needsAddress(type)) return;
    payload.issues.push({ code: 'custom', path: ['base_url'], message: 'is missing', input: undefined });
  });

const Price = z.number().check(z.gte(0), z.lte(1_000_000));

const ModelShape = z.strictObject({
  context_window: z.optional(z.int().check(z.gte(1000), z.lte(100_000_000))),
  input_price: z.optional(Price),
  output_price: z.optional(Price),
});

export const ConfigurationFile = z.strictObject({
  model: z._default(ModelId, DEFAULT_MODEL),
  mode: z._default(z.enum(MODES), 'ask'),
  recovery: z._default(z.enum(RECOVERY), 'safe'),
  idle_exit_minutes: z._default(z.number().check(z.gte(0), z.lte(10_080)), 30),
  log_level: z._default(z.enum(LOG_LEVELS), 'info'),
  max_steps: z._default(z.int().check(z.gte(1), z.lte(100_000)), 200),
  max_turn_minutes: z._default(z.number().check(z.gte(1), z.lte(10_080)), 240),
  max_result_megabytes: z._default(z.number().check(z.gte(0.1), z.lte(1000)), 8),
  compact_at: z._default(z.number().check(z.gte(0.1), z.lte(1)), 0.8),
  snapshots_enabled: z._default(z.boolean(), true),
  snapshots_encrypt: z._default(z.boolean(), true),
  snapshots_watch: z._default(z.enum(WATCH), 'auto'),
  snapshots_max_file_megabytes: z._default(z.int().check(z.gte(1), z.lte(1000)), 10),
  snapshots_max_files: z._default(z.int().check(z.gte(1), z.lte(1_000_000)), 200_000),
  snapshots_max_megabytes: z._default(z.int().check(z.gte(1), z.lte(1_000_000)), 2048),
  snapshots_max_age_days: z._default(z.int().check(z.gte(0), z.lte(36_500)), 7),
  snapshots_max_stored_megabytes: z._default(z.int().check(z.gte(0), z.lte(10_000_000)), 10_240),
  models: z._default(z.record(ModelId, ModelShape), {}),
  providers: z._default(z.record(ProviderName, ProviderShape), {}),
});
export type ConfigurationFile = z.infer<typeof ConfigurationFile>;

/** How the value of a setting is written. */
export type SettingKind = 'text' | 'number' | 'truth' | 'list' | 'table';

export interface Setting {
  readonly kind: SettingKind;
  /** Continues "model …". */
  readonly must: string;
  /** The words it may be, when there are only some. */
  readonly choices?: readonly string[];
}

const SECONDS = 'must be a number of seconds between 0.1 and 86400';

const TRUTH = 'must be true or false';

const PRICE = 'must be a number for a million tokens between 0 and 1000000';

/** By dotted key; `*` stands for any name. Everything else in the file is unknown. */
const SETTINGS: Readonly<Record<string, Setting>> = {
  model: { kind: 'text', must: 'must be text of the form "provider/model", such as "local/qwen3"' },
  mode: { kind: 'text', must: choice(MODES), choices: MODES },
  recovery: { kind: 'text', must: choice(RECOVERY), choices: RECOVERY },
  idle_exit_minutes: { kind: 'number', must: 'must be a number of minutes between 0 (never) and 10080' },
  log_level: { kind: 'text', must: choice(LOG_LEVELS), choices: LOG_LEVELS },
  max_steps: { kind: 'number', must: 'must be a whole number of steps between 1 and 100000' },
  max_turn_minutes: { kind: 'number', must: 'must be a number of minutes between 1 and 10080' },
  max_result_megabytes: { kind: 'number', must: 'must be a number of megabytes between 0.1 and 1000' },
  compact_at: { kind: 'number', must: 'must be a number between 0.1 and 1 (never)' },
  snapshots_enabled: { kind: 'truth', must: TRUTH },
  snapshots_encrypt: { kind: 'truth', must: TRUTH },
  snapshots_watch: { kind: 'text', must: choice(WATCH), choices: WATCH },
  snapshots_max_file_megabytes: { kind: 'number', must: 'must be a whole number of megabytes between 1 and 1000' },
  snapshots_max_files: { kind: 'number', must: 'must be a whole number of files between 1 and 1000000' },
  snapshots_max_megabytes: { kind: 'number', must: 'must be a whole number of megabytes between 1 and 1000000' },
  snapshots_max_age_days: { kind: 'number', must: 'must be a whole number of days between 0 (never) and 36500' },
  snapshots_max_stored_megabytes: {
    kind: 'number',
    must: 'must be a whole number of megabytes between 0 (no limit) and 10000000',
  },
  models: { kind: 'table', must: 'must be written as tables, one [models."<provider>/<model>"] for each model' },
  'models.*': { kind: 'table', must: 'must be a table with context_window, input_price or output_price' },
  'models.*.context_window': { kind: 'number', must: 'must be a whole number of tokens between 1000 and 100000000' },
  'models.*.input_price': { kind: 'number', must: PRICE },
  'models.*.output_price': { kind: 'number', must: PRICE },
  providers: { kind: 'table', must: 'must be written as tables, one [providers.<name>] for each server' },
  'providers.*': { kind: 'table', must: 'must be a table with at least base_url or type' },
  'providers.*.type': { kind: 'text', must: choice(PROVIDER_TYPES), choices: PROVIDER_TYPES },
  'providers.*.base_url': { kind: 'text', must: 'must be an address, such as "http://127.0.0.1:8080/v1"' },
  'providers.*.api_key_env': {
    kind: 'text',
    must: 'must be the name of an environment variable, such as "LOCAL_API_KEY"',
  },
  'providers.*.models': {
    kind: 'list',
    must: 'must be a list of at most 1000 model names without blanks, such as ["qwen3", "llama4"]',
  },
  'providers.*.reasoning': { kind: 'text', must: choice(REASONING), choices: REASONING },
  'providers.*.max_output_tokens': {
    kind: 'number',
    must: 'must be a whole number of tokens between 1 and 10000000',
  },
  'providers.*.headers': { kind: 'table', must: 'must be a table of HTTP headers and their texts' },
  'providers.*.headers.*': { kind: 'text', must: 'must be one line of plain ASCII text' },
  'providers.*.connect_timeout_seconds': { kind: 'number', must: SECONDS },
  'providers.*.first_byte_timeout_seconds': { kind: 'number', must: SECONDS },
  'providers.*.silence_timeout_seconds': { kind: 'number', must: SECONDS },
};

/** The setting at a path, or undefined when there is none of that name. */
export function settingAt(path: readonly string[]): Setting | undefined {
  const pattern = path
    .map((part, index) => (index === 1 || (index === 3 && path[2] === 'headers') ? '*' : part))
    .join('.');
  return Object.hasOwn(SETTINGS, pattern) ? SETTINGS[pattern] : undefined;
}

/** Names that may stand directly under a path. */
export function settingNames(parent: readonly string[]): string[] {
  const depth = parent.length + 1;
  return Object.keys(SETTINGS)
    .map((pattern) => pattern.split('.'))
    .filter(
      (parts) => parts.length === depth && parts.slice(0, -1).every((part, i) => part === '*' || part === parent[i]),
    )
    .map((parts) => parts.at(-1) ?? '')
    .filter((name) => name !== '*');
}

function choice(words: readonly string[]): string {
  const quoted = words.map((word) => `"${word}"`);
  const last = quoted.pop() ?? '';
  return quoted.length === 0 ? `must be ${last}` : `must be ${quoted.join(', ')} or ${last}`;
}

function complainAboutUrl(value: string): string | undefined {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || /[\s\p{Cc}]/u.test(value)) return 'must be an address, such as "http://127.0.0.1:8080/v1"';
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return 'must begin with http:// or https://';
  if (url.username !== '' || url.password !== '') return 'holds a user name or password, which this file must not';
  if (url.search !== '' || url.hash !== '')
    return 'must end before any "?" or "#", because the paths of the requests are added to it';
  if (value.length > 2000) return 'is longer than 2000 characters';
  return undefined;
}

function complainAboutVariable(value: string): string | undefined {
  if (isSecretValue(value) || looksRandom(value))
    return 'looks like an API key itself, and must be the name of the variable that holds it';
  return /^[A-Za-z_][A-Za-z0-9_]{0,199}$/.test(value)
    ? undefined
    : 'must be the name of an environment variable, such as "LOCAL_API_KEY"';
}

function complainAboutHeader(value: string): string | undefined {
  if (isSecretValue(value) || looksRandom(value)) return 'looks like an API key, which this file must not hold';
  return /^[\x20-\x7e]{0,1000}$/.test(value) ? undefined : 'must be one line of plain ASCII text';
}

/** Whether a header of this name may be configured at all. */
export function isHeaderRefused(name: string): boolean {
  return isSecretHeader(name);
}
