/** Shows settings as `key = text`, as `mctl config get` prints them. */
import type {
  Configuration,
  ModelConfiguration,
  ProviderConfiguration,
  SnapshotConfiguration,
} from './configuration.ts';

const MEGABYTE = 1024 * 1024;

/** Every setting with the value in effect, by dotted key. Lists are joined by ", ". */
export function effectiveValues(configuration: Configuration): Record<string, string> {
  const values: Record<string, string> = {
    model: configuration.model,
    mode: configuration.mode,
    recovery: configuration.recovery,
    idle_exit_minutes: String(configuration.idleExitMinutes),
    log_level: configuration.logLevel,
    max_steps: String(configuration.maxSteps),
    max_turn_minutes: String(configuration.maxTurnMinutes),
    max_result_megabytes: String(configuration.maxResultMegabytes),
    compact_at: String(configuration.compactAt),
    ...snapshotValues(configuration.snapshots),
  };
  for (const [name, model] of configuration.models) Object.assign(values, modelValues(name, model));
  for (const provider of configuration.providers.values()) Object.assign(values, providerValues(provider));
  return values;
}

/** The dotted keys of all values in a tree of TOML values. */
export function keysOf(tree: Readonly<Record<string, unknown>>, parent = ''): string[] {
  return Object.keys(tree).flatMap((name) => {
    const value = tree[name];
    const key = parent + name;
    const isTable = typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
    return isTable ? keysOf(value as Record<string, unknown>, `${key}.`) : [key];
  });
}

function snapshotValues(snapshots: SnapshotConfiguration): Record<string, string> {
  return {
    snapshots_enabled: String(snapshots.enabled),
    snapshots_encrypt: String(snapshots.encrypt),
    snapshots_watch: snapshots.watch,
    snapshots_max_file_megabytes: String(snapshots.maxFileBytes / MEGABYTE),
    snapshots_max_files: String(snapshots.maxFiles),
    snapshots_max_megabytes: String(snapshots.maxBytes / MEGABYTE),
    snapshots_max_age_days: String(snapshots.maxAgeDays),
    snapshots_max_stored_megabytes: String(snapshots.maxStoredBytes / MEGABYTE),
  };
}

function modelValues(name: string, model: ModelConfiguration): Record<string, string> {
  const { contextTokens, inputPrice, outputPrice } = model;
  const prefix = `models.${name}.`;
  return {
    ...(contextTokens === undefined ? {} : { [`${prefix}context_window`]: String(contextTokens) }),
    ...(inputPrice === undefined ? {} : { [`${prefix}input_price`]: String(inputPrice) }),
    ...(outputPrice === undefined ? {} : { [`${prefix}output_price`]: String(outputPrice) }),
  };
}

function providerValues(provider: ProviderConfiguration): Record<string, string> {
  const prefix = `providers.${provider.name}.`;
  const values: Record<string, string> = {
    [`${prefix}type`]: provider.type,
    [`${prefix}base_url`]: provider.baseUrl,
    ...(provider.apiKeyEnv === undefined ? {} : { [`${prefix}api_key_env`]: provider.apiKeyEnv }),
    [`${prefix}models`]: provider.models.join(', '),
    ...(provider.reasoning === undefined ? {} : { [`${prefix}reasoning`]: provider.reasoning }),
    ...(provider.maxOutputTokens === undefined
      ? {}
      : { [`${prefix}max_output_tokens`]: String(provider.maxOutputTokens) }),
    [`${prefix}connect_timeout_seconds`]: String(provider.connectTimeoutMs / 1000),
    [`${prefix}first_byte_timeout_seconds`]: String(provider.firstByteTimeoutMs / 1000),
    [`${prefix}silence_timeout_seconds`]: String(provider.silenceTimeoutMs / 1000),
  };
  for (const [name, value] of Object.entries(provider.headers)) values[`${prefix}headers.${name}`] = value;
  return values;
}
