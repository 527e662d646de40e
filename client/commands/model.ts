/** `/model` and `/models`: which model answers. */
import { checkModelId } from '../command-line/start-flags.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { ResultOf } from '../../protocol/methods.ts';
import type { Command, CommandContext } from './command.ts';

type ModelList = ResultOf<'model/list'>;

const SOURCES: Record<ModelList['models'][number]['source'], string> = {
  'built-in': 'built-in demo, no network',
  configured: 'configured',
  server: 'offered by its server',
};

export const model: Command = {
  name: 'model',
  takes: '[provider/model]',
  summary: 'show the model, or choose another one for the next turns',
  async run(context, argument) {
    const { client, talk, print } = context;
    if (argument === '') {
      print(`model: ${await currentModel(context)}`);
      return;
    }
    checkModelId(argument, '/model');
    if (talk.target.kind === 'session') {
      talk.conversation?.expectModel(argument);
      const { session } = await client.call('session/configure', {
        opId: client.newOpId(),
        sessionId: talk.target.sessionId,
        model: argument,
      });
      print(`model from the next turn on: ${session.model}`);
      return;
    }
    refuseUnknownProvider(await client.call('model/list', {}), argument);
    talk.wantModel(argument);
    print(`model from the next prompt on: ${argument}`);
  },
};

export const models: Command = {
  name: 'models',
  takes: '[words]',
  summary: 'list the models there are to choose from',
  async run(context, argument) {
    const list = await context.client.call('model/list', {});
    const current = await currentModel(context, list);
    const words = argument.toLowerCase().split(/\s+/);
    const found = list.models.filter(({ id }) => words.every((word) => id.toLowerCase().includes(word)));
    const lines = found.map(({ id, source }) => `${id === current ? '* ' : '  '}${id}  (${SOURCES[source]})`);
    const problems = list.problems.map(({ provider, message }) => `  ${provider}: ${message}`);
    const none = argument === '' ? 'no models' : `no model matches: ${argument}`;
    context.print([...(lines.length === 0 ? [none] : lines), ...problems].join('\n'));
  },
};

/** The model that the next prompt goes to. */
export async function currentModel(
  context: Pick<CommandContext, 'client' | 'talk'>,
  list?: ModelList,
): Promise<string> {
  const { talk, client } = context;
  const wanted = talk.wantedModel ?? talk.conversation?.session?.model;
  if (wanted !== undefined) return wanted;
  if (talk.target.kind === 'save') return talk.target.save.model;
  // The configuration answers at once; the list asks every server first.
  return list?.default ?? (await client.call('config/get', {})).values['model'] ?? 'none';
}

function refuseUnknownProvider(list: ModelList, id: string): void {
  const provider = id.slice(0, id.indexOf('/'));
  const known = new Set([...list.models, ...list.problems].map((entry) => entry.provider));
  if (known.has(provider)) return;
  throw new ProtocolError('MODEL_UNKNOWN', `no provider named ${provider} is configured`, {
    hint: `Known: ${[...known].join(', ')}. A provider is added in config.toml as [providers.${provider}].`,
  });
}
