/** Finds the backend for a model, as the configuration says. */
import { ProtocolError } from '../../protocol/errors.ts';
import { closest } from '../config/closest.ts';
import type { Configuration, ProviderConfiguration } from '../config/configuration.ts';
import { DEFAULT_MODEL, RESERVED_PROVIDER } from '../config/settings.ts';
import type { ConfigurationSource } from '../config/store.ts';
import type { AgentRegistryPort, ProviderKeys, ResolvedModel } from '../services/agent-port.ts';
import type { ClockPort } from '../services/ports.ts';
import type { ToolPort } from '../services/tool-port.ts';
import type { Briefings } from './briefings.ts';
import { DemoModel } from './demo.ts';
import { listServerModels } from './model-list.ts';
import type { StepModel } from './step-model.ts';
import { ModelLoop } from './model-loop.ts';
import type { LoopSettings } from './loop-settings.ts';
import { ProviderModel } from './provider-model.ts';

type ModelList = Awaited<ReturnType<AgentRegistryPort['list']>>;

export interface RegistryParts {
  readonly tools: ToolPort;
  readonly briefings: Briefings;
  readonly clock: ClockPort;
}

export class AgentRegistry implements AgentRegistryPort {
  private readonly configuration: ConfigurationSource;
  private readonly parts: RegistryParts;

  constructor(configuration: ConfigurationSource, parts: RegistryParts) {
    this.configuration = configuration;
    this.parts = parts;
  }

  resolve(modelId: string): ResolvedModel {
    const slash = modelId.indexOf('/');
    const provider = slash === -1 ? modelId : modelId.slice(0, slash);
    const model = slash === -1 ? '' : modelId.slice(slash + 1);
    if (modelId === DEFAULT_MODEL) {
      return { backend: this.loop(modelId, new DemoModel()), provider, model, keyVariable: undefined };
    }
    this.requireUsableFile();
    const configured = this.configuration.current.providers.get(provider);
    if (configured === undefined || model === '') throw this.unknown(modelId, provider, model);
    return {
      backend: this.loop(modelId, new ProviderModel(configured)),
      provider,
      model,
      keyVariable: configured.apiKeyEnv,
    };
  }

  /** @throws ProtocolError CONFIG_INVALID when the file has errors and has never been without: which model is meant is not known then. */
  defaultModel(): string {
    this.requireUsableFile();
    return this.configuration.current.model;
  }

  /** Names of the variables in a client's environment that hold provider keys, each once. */
  keyVariables(): string[] {
    const names = [...this.configuration.current.providers.values()].map((provider) => provider.apiKeyEnv);
    return [...new Set(names.filter((name) => name !== undefined))];
  }

  async list(keys: ProviderKeys): Promise<ModelList> {
    const { providers, model } = this.configuration.current;
    const result: ModelList = {
      models: [{ id: DEFAULT_MODEL, provider: RESERVED_PROVIDER, source: 'built-in' }],
      problems: [],
    };
    const wanted = model.split('/', 1)[0] ?? '';
    if (wanted !== RESERVED_PROVIDER && !providers.has(wanted)) {
      result.problems.push({ provider: wanted, message: this.unknown(model, wanted, '').message });
    }
    const parts = await Promise.all([...providers.values()].map((provider) => listProvider(provider, keys)));
    for (const part of parts) {
      result.models.push(...part.models);
      result.problems.push(...part.problems);
    }
    return result;
  }

  private loop(modelId: string, model: StepModel): ModelLoop {
    const { tools, briefings, clock } = this.parts;
    const { models } = this.configuration.current;
    return new ModelLoop({
      model,
      tools,
      settings: () => settingsOf(this.configuration.current),
      facts: { contextTokens: models.get(modelId)?.contextTokens },
      brief: (input) => briefings.of(input),
      newId: () => clock.id(),
    });
  }

  private requireUsableFile(): void {
    const { usable, problems } = this.configuration;
    if (usable) return;
    throw new ProtocolError('CONFIG_INVALID', `The configuration has errors: ${problems[0] ?? 'it cannot be read.'}`, {
      hint:
        problems.length > 1
          ? `Correct them (mctl doctor lists all ${problems.length}), or use --model ${DEFAULT_MODEL} meanwhile.`
          : `Correct it, or use --model ${DEFAULT_MODEL} meanwhile.`,
    });
  }

  private unknown(modelId: string, provider: string, model: string): ProtocolError {
    const { providers } = this.configuration.current;
    const names = [RESERVED_PROVIDER, ...providers.keys()];
    const known = `Configured: ${names.join(', ')}.`;
    if (provider === RESERVED_PROVIDER) {
      return new ProtocolError('MODEL_UNKNOWN', `There is no model ${modelId}.`, {
        hint: `The built-in model is ${DEFAULT_MODEL}.`,
      });
    }
    const owner = [...providers.values()].find((one) => one.models.includes(modelId));
    if (owner !== undefined) {
      return new ProtocolError('MODEL_UNKNOWN', `There is no provider ${provider}.`, {
        hint: `Did you mean ${owner.name}/${modelId}? ${known}`,
      });
    }
    if (providers.has(provider)) {
      return new ProtocolError('MODEL_UNKNOWN', `${modelId} names no model.`, {
        hint: `Write ${provider}/<model>; /models lists what can be chosen.`,
      });
    }
    const meant = closest(provider, names);
    const guess =
      meant === undefined
        ? ''
        : `Did you mean ${meant}${model === '' ? '' : `/${meant === RESERVED_PROVIDER ? 'offline' : model}`}? `;
    return new ProtocolError('MODEL_UNKNOWN', `There is no provider ${provider} for the model ${modelId}.`, {
      hint: `${guess}${known} Another one needs [providers.${provider}] in the configuration (mctl config path).`,
    });
  }
}

function settingsOf({ maxSteps, maxTurnMinutes, maxResultMegabytes, compactAt }: Configuration): LoopSettings {
  const maxResultBytes = maxResultMegabytes * 1024 * 1024;
  return { maxSteps, maxTurnMs: maxTurnMinutes * 60_000, maxResultBytes, compactAt };
}

async function listProvider(provider: ProviderConfiguration, keys: ProviderKeys): Promise<ModelList> {
  const { name } = provider;
  const configured = provider.models.map((model) => ({
    id: `${name}/${model}`,
    provider: name,
    source: 'configured' as const,
  }));
  try {
    const key = await keys.keyFor(name, provider.apiKeyEnv);
    const offered = await listServerModels(provider, key === '' ? undefined : key);
    const more = offered.filter((model) => !provider.models.includes(model));
    const models = [...new Set(more)].map((model) => ({
      id: `${name}/${model}`,
      provider: name,
      source: 'server' as const,
    }));
    return { models: [...configured, ...models], problems: [] };
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { models: configured, problems: [{ provider: name, message: `${error.message} ${error.hint}`.trim() }] };
  }
}
