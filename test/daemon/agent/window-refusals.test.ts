import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConversationTooLong } from '../../../daemon/agent/provider-failure.ts';
import {
  chunk,
  event,
  LAST_CHUNK,
  observe,
  plain,
  providerAt,
  ProviderServer,
  STREAM_HEAD,
} from './support/provider-server.ts';
import { WIRES } from './support/wires.ts';

let server: ProviderServer;

beforeAll(async () => {
  server = await ProviderServer.start();
});
afterAll(async () => {
  await server.stop();
});

/** As servers are known to put it. */
const TOO_LONG: [string, string][] = [
  [
    '400 Bad Request',
    "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
  ],
  ['400 Bad Request', 'Your input exceeds the context window of this model. Please adjust your input and try again.'],
  ['400 Bad Request', 'prompt is too long: 210000 tokens > 200000 maximum'],
  ['400 Bad Request', 'input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000'],
  ['400 Bad Request', 'The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).'],
  ['400 Bad Request', 'the request exceeds the available context size, try increasing it'],
  ['400 Bad Request', 'Please reduce the length of the messages or completion.'],
  [
    '400 Bad Request',
    'Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length',
  ],
  ['400 Bad Request', 'Range of input length should be [1, 129024]'],
  ['400 Bad Request', "This model's maximum prompt length is 131072 but the request contains 200000 tokens."],
  ['400 Bad Request', 'Your request exceeded model token limit: 262144'],
  ['400 Bad Request', 'The decoder prompt (length 5000) is longer than the maximum model length of 4096.'],
  ['413 Content Too Large', ''],
  ['429 Too Many Requests', 'Request too large for gpt-x on tokens per min (TPM): Limit 10000, Requested 12000.'],
  ['500 Internal Server Error', 'input length exceeds maximum context length'],
];

test.each(TOO_LONG)('%s "%s" means that the conversation is too long, in every format', async (status, message) => {
  server.answer = (socket) => socket.end(plain(status, JSON.stringify({ error: { message } })));
  for (const { type } of WIRES) {
    const { error } = await observe(providerAt(server.baseUrl, { type }));
    expect(error).toBeInstanceOf(ConversationTooLong);
    expect(error.kind).toBe('REFUSED');
    expect(error.retryable).toBe(false);
    expect(error.hint).toContain('/compact');
  }
});

test('a code that says so is enough, also as the first event of a good answer', async () => {
  const body = { error: { message: 'Bad.', code: 'context_length_exceeded' } };
  server.answer = (socket) => socket.end(plain('400 Bad Request', JSON.stringify(body)));
  expect((await observe(providerAt(server.baseUrl))).error).toBeInstanceOf(ConversationTooLong);
  server.answer = (socket) => socket.end(STREAM_HEAD + chunk(event(body)) + LAST_CHUNK);
  expect((await observe(providerAt(server.baseUrl))).error).toBeInstanceOf(ConversationTooLong);
});

test.each([
  ['400 Bad Request', 'max_tokens is too large: 100000. This model supports at most 4096 completion tokens'],
  ['400 Bad Request', 'messages.0.content.1.image: image exceeds 5 MB'],
  ['401 Unauthorized', 'This key has no access to the context length of 1M'],
  ['404 Not Found', 'model long-context-window not found'],
  ['429 Too Many Requests', 'Rate limit reached: maximum of 10000 tokens per minute'],
  ['503 Service Unavailable', 'busy'],
])('%s "%s" means something else', async (status, message) => {
  server.answer = (socket) => socket.end(plain(status, JSON.stringify({ error: { message } })));
  expect((await observe(providerAt(server.baseUrl))).error).not.toBeInstanceOf(ConversationTooLong);
});
