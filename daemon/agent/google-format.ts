/** The generateContent format of Google's Gemini API. */
import { fieldsOf, firstHasText, limitsOf, type WireFormat } from './wire-format.ts';

export const GOOGLE_FORMAT: WireFormat = {
  usualEnd: '/v1beta',
  // Without a size there are fifty.
  modelsPath: '/models?pageSize=1000',
  prompt: { callId: /./, callArguments: 'object', reasoning: 'signed', resultImages: 'inside' },

  async connect({ provider, apiKey, fetch }, model) {
    const { createGoogle } = await import('@ai-sdk/google');
    // Without any key the library would look into the environment of the daemon.
    const server = createGoogle({ baseURL: provider.baseUrl, apiKey: apiKey ?? '', headers: provider.headers, fetch });
    return server.languageModel(model);
  },

  /** Thoughts are sent only when they are asked for, and asking a model that does not think is refused. */
  options(provider) {
    const isThinking = provider.reasoning !== undefined && provider.reasoning !== 'none';
    const thoughts = { providerOptions: { google: { thinkingConfig: { includeThoughts: true } } } };
    return { ...limitsOf(provider), ...(isThinking ? thoughts : {}) };
  },

  headers: (apiKey): Record<string, string> => (apiKey === undefined ? {} : { 'x-goog-api-key': apiKey }),

  /** The list also holds models for images, sounds and vectors. */
  modelName(entry) {
    const { name, supportedGenerationMethods: methods } = fieldsOf(entry);
    if (typeof name !== 'string' || (Array.isArray(methods) && !methods.includes('generateContent'))) return undefined;
    return name.replace(/^models\//, '');
  },

  givesReason: (piece) => firstHasText(piece, 'candidates', 'finishReason'),

  isHarmless: () => false,
};
