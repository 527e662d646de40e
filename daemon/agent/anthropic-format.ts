/** The messages format of Anthropic. */
import { fieldsOf, limitsOf, type WireFormat } from './wire-format.ts';

/** The events of a stream that mean something to us. Anthropic announces that others may join them at any time. */
const EVENTS = [
  'message_start',
  'content_block_start',
  'content_block_delta',
  'content_block_stop',
  'message_delta',
  'message_stop',
  'ping',
  'error',
];

export const ANTHROPIC_FORMAT: WireFormat = {
  usualEnd: '/v1',
  // Without a limit there are twenty.
  modelsPath: '/models?limit=1000',
  prompt: { callId: /^[A-Za-z0-9_-]{1,64}$/, callArguments: 'object', reasoning: 'signed', resultImages: 'inside' },

  async connect({ provider, apiKey, fetch }, model) {
    const { createAnthropic } = await import('@ai-sdk/anthropic');
    // Without any key the library would look into the environment of the daemon.
    const server = createAnthropic({
      baseURL: provider.baseUrl,
      apiKey: apiKey ?? '',
      headers: provider.headers,
      fetch,
    });
    return server.languageModel(model);
  },

  options: limitsOf,

  headers: (apiKey) => ({
    'anthropic-version': '2023-06-01',
    ...(apiKey === undefined ? {} : { 'x-api-key': apiKey }),
  }),

  modelName(entry) {
    const { id } = fieldsOf(entry);
    return typeof id === 'string' ? id : undefined;
  },

  // Its end is an event of its own, behind which nothing is read.
  givesReason: () => false,

  isHarmless(error) {
    const { type } = fieldsOf(fieldsOf(error)['value']);
    return typeof type === 'string' && !EVENTS.includes(type);
  },
};
