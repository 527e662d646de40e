/** The chat completions format of OpenAI, which most servers speak. */
import { fieldsOf, firstHasText, limitsOf, type WireFormat } from './wire-format.ts';

export const OPENAI_FORMAT: WireFormat = {
  usualEnd: '/v1',
  modelsPath: '/models',
  prompt: { callId: /./, callArguments: 'text', reasoning: 'all', resultImages: 'behind' },

  async connect({ provider, apiKey, fetch }, model) {
    const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible');
    const server = createOpenAICompatible({
      // What is kept with a part is found by this name; that of the configuration may change.
      name: 'server',
      baseURL: provider.baseUrl,
      ...(apiKey === undefined ? {} : { apiKey }),
      headers: provider.headers,
      includeUsage: true,
      fetch,
    });
    return server.chatModel(model);
  },

  options: limitsOf,

  headers: (apiKey): Record<string, string> => (apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),

  /** Some servers list names alone, or call the id a name. */
  modelName(entry) {
    const { id, name } = fieldsOf(entry);
    return [entry, id, name].find((candidate) => typeof candidate === 'string');
  },

  givesReason: (piece) => firstHasText(piece, 'choices', 'finish_reason'),

  isHarmless: () => false,
};
