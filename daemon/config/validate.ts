/** Turns the text of a configuration file into settings, or into a list of what is wrong with it. */
import { parse, TomlError } from 'smol-toml';
import type { Configuration, ProviderConfiguration, SnapshotConfiguration } from './configuration.ts';
import type { ConfigurationProblem } from './problem.ts';
import { explain } from './explain.ts';
import { findSecrets } from './find-secrets.ts';
import { placeOf } from './provider-types.ts';
import { ConfigurationFile, RESERVED_PROVIDER } from './settings.ts';
import { readStatements, type Statement } from './toml-statements.ts';

const MEGABYTE = 1024 * 1024;

/** Values as they stand in a TOML text. Tables have no prototype. */
export type TomlTree = { [key: string]: unknown };

export interface Validated {
  /** Defaults when there are problems. */
  readonly configuration: Configuration;
  readonly problems: readonly ConfigurationProblem[];
  /** What the file itself says; empty when it is not TOML. */
  readonly tree: TomlTree;
}

/** The configuration without any file. */
export const DEFAULT_CONFIGURATION: Configuration = build(ConfigurationFile.parse({}));

/** Reads the text of a configuration file. Never throws: what is wrong is in `problems`. */
export function validate(text: string): Validated {
  let tree: TomlTree;
  try {
    tree = parse(text, { unsafeKeyBehaviour: 'throw' });
  } catch (error) {
    return { configuration: DEFAULT_CONFIGURATION, problems: [syntaxProblem(error)], tree: {} };
  }
  const statements = readStatements(text);
  const secrets = findSecrets(tree);
  const problems = secrets.map((found) => ({ ...found, line: lineOf(statements, found.path) }));
  const known = new Set(secrets.map((found) => found.path.join('.')));
  const result = ConfigurationFile.safeParse(tree);
  for (const found of result.success ? [] : explain(result.error.issues, tree)) {
    if (!known.has(found.path.join('.'))) problems.push({ ...found, line: lineOf(statements, found.path) });
  }
  if (result.success && Object.hasOwn(result.data.providers, RESERVED_PROVIDER)) {
    const path = ['providers', RESERVED_PROVIDER];
    problems.push({
      path,
      line: lineOf(statements, path),
      key: path.join('.'),
      what: 'uses a name that belongs to the built-in demo model',
      remedy: 'Give the provider another name.',
    });
  }
  const configuration = result.success && problems.length === 0 ? build(result.data) : DEFAULT_CONFIGURATION;
  const listed = problems.map(({ line, key, what, remedy }) => ({ line, key, what, remedy }));
  return { configuration, problems: listed.sort((a, b) => a.line - b.line), tree };
}

function build(file: ConfigurationFile): Configuration {
  return {
    model: file.model,
    mode: file.mode,
    recovery: file.recovery,
    idleExitMinutes: file.idle_exit_minutes,
    logLevel: file.log_level,
    maxSteps: file.max_steps,
    maxTurnMinutes: file.max_turn_minutes,
    maxResultMegabytes: file.max_result_megabytes,
    compactAt: file.compact_at,
    snapshots: buildSnapshots(file),
    models: new Map(
      Object.entries(file.models).map(([name, entry]) => [
        name,
        { contextTokens: entry.context_window, inputPrice: entry.input_price, outputPrice: entry.output_price },
      ]),
    ),
    providers: new Map(Object.entries(file.providers).map(([name, entry]) => [name, buildProvider(name, entry)])),
  };
}

function buildSnapshots(file: ConfigurationFile): SnapshotConfiguration {
  return {
    enabled: file.snapshots_enabled,
    encrypt: file.snapshots_encrypt,
    watch: file.snapshots_watch,
    maxFileBytes: file.snapshots_max_file_megabytes * MEGABYTE,
    maxFiles: file.snapshots_max_files,
    maxBytes: file.snapshots_max_megabytes * MEGABYTE,
    maxAgeDays: file.snapshots_max_age_days,
    maxStoredBytes: file.snapshots_max_stored_megabytes * MEGABYTE,
  };
}

function buildProvider(name: string, entry: ConfigurationFile['providers'][string]): ProviderConfiguration {
  const { baseUrl, keyVariable } = placeOf(entry.type, entry.base_url, entry.api_key_env);
  return {
    name,
    type: entry.type,
    baseUrl,
    apiKeyEnv: keyVariable,
    models: entry.models,
    headers: entry.headers,
    reasoning: entry.reasoning,
    maxOutputTokens: entry.max_output_tokens,
    connectTimeoutMs: entry.connect_timeout_seconds * 1000,
    firstByteTimeoutMs: entry.first_byte_timeout_seconds * 1000,
    silenceTimeoutMs: entry.silence_timeout_seconds * 1000,
  };
}

/** The line of the statement that says the most about a path: itself, else what contains it. */
function lineOf(statements: readonly Statement[], path: readonly string[]): number {
  let best: Statement | undefined;
  let bestShared = 0;
  for (const statement of statements) {
    const shared = sharedLength(statement.path, path);
    const contains = shared === statement.path.length || shared === path.length;
    if (contains && shared > bestShared) {
      best = statement;
      bestShared = shared;
    }
  }
  return best?.line ?? 1;
}

function sharedLength(a: readonly string[], b: readonly string[]): number {
  let shared = 0;
  while (shared < a.length && shared < b.length && a[shared] === b[shared]) shared++;
  return shared;
}

/** The parser's own message quotes the text around the error, which may hold a secret; only its first line is used. */
function syntaxProblem(error: unknown): ConfigurationProblem {
  if (!(error instanceof TomlError)) {
    return { line: 0, key: '', what: 'is not TOML', remedy: 'Correct it, or move it away to begin with the defaults.' };
  }
  const reason = (error.message.split('\n', 1)[0] ?? '').replace('Invalid TOML document: ', '');
  if (reason.includes('unsafe')) {
    const what = 'holds a key named __proto__ or constructor, which cannot be used';
    return { line: error.line, key: '', what, remedy: 'Choose another name.' };
  }
  return {
    line: error.line,
    key: '',
    what: `is not TOML at column ${error.column}: ${reason}`,
    remedy: syntaxRemedy(reason),
  };
}

function syntaxRemedy(reason: string): string {
  if (reason.includes('redefine'))
    return 'Each key and each [table] may be written once; join or remove the second one.';
  if (reason.includes('end-of-line')) return 'Write one setting a line.';
  if (reason.includes('value') || reason.includes('numeric'))
    return 'Text goes between double quotes, as in model = "local/qwen3".';
  if (reason.includes('string') || reason.includes('escape')) {
    return 'Close the quotes on the same line; a backslash in text is written twice.';
  }
  return 'A line is a comment, a [table] or key = value.';
}
