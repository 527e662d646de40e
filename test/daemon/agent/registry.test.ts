import { LLMock } from '@copilotkit/aimock';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Briefings } from '../../../daemon/agent/briefings.ts';
import { Instructions } from '../../../daemon/config/instructions.ts';
import { systemClock } from '../../../daemon/services/clock.ts';
import { ToolThread } from '../../../daemon/tools/tool-thread.ts';
import { AgentRegistry } from '../../../daemon/agent/registry.ts';
import { validate } from '../../../daemon/config/validate.ts';
import type { ConfigurationSource } from '../../../daemon/config/store.ts';
import type { ProviderKeys, TurnJournal } from '../../../daemon/services/agent-port.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import { plain, prompt, ProviderServer } from './support/provider-server.ts';

const NO_KEYS: ProviderKeys = { keyFor: async () => undefined };

/** The configuration that a file with this text gives. */
function configured(text: string, usable = true): ConfigurationSource {
  const { configuration, problems } = validate(text);
  if (usable) expect(problems).toEqual([]);
  return {
    current: configuration,
    problems: problems.map((problem) => `f.toml:${problem.line}: ${problem.key} ${problem.what}.`),
    usable,
  };
}

function registryOf(configuration: ConfigurationSource): AgentRegistry {
  const tools = new ToolThread({ settings: { sealed: [], guarded: [] }, onUnexpected: () => undefined });
  return new AgentRegistry(configuration, {
    tools,
    briefings: new Briefings(tools, new Instructions('/nowhere/config.toml')),
    clock: systemClock(),
  });
}

function refusal(action: () => unknown): ProtocolError {
  try {
    action();
  } catch (error) {
    if (error instanceof ProtocolError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('the models that can be chosen', () => {
  const registry = registryOf(
    configured(`
      model = "local/qwen3"
      [providers.local]
      base_url = "http://127.0.0.1:9/v1"
      api_key_env = "LOCAL_KEY"
      models = ["qwen3", "meta/llama"]
      [providers.other]
      base_url = "http://127.0.0.1:9/v1"
      api_key_env = "LOCAL_KEY"
    `),
  );

  test('are the demo model when nothing is configured', () => {
    const bare = registryOf(configured(''));
    expect(bare.defaultModel()).toBe('demo/offline');
    expect(bare.resolve('demo/offline')).toMatchObject({ provider: 'demo', model: 'offline', keyVariable: undefined });
    expect(bare.keyVariables()).toEqual([]);
  });

  test('are cut at the first slash', () => {
    expect(registry.resolve('local/meta/llama:8b')).toMatchObject({
      provider: 'local',
      model: 'meta/llama:8b',
      keyVariable: 'LOCAL_KEY',
    });
  });

  test('need not be among those that the file names', () => {
    expect(registry.resolve('other/anything').model).toBe('anything');
    expect(registry.defaultModel()).toBe('local/qwen3');
    expect(registry.keyVariables()).toEqual(['LOCAL_KEY']);
  });

  test.each([
    ['locl/qwen3', 'There is no provider locl', 'Did you mean local/qwen3? Configured: demo, local, other.'],
    [
      'nothing/x',
      'There is no provider nothing',
      'Configured: demo, local, other. Another one needs [providers.nothing]',
    ],
    ['meta/llama', 'There is no provider meta', 'Did you mean local/meta/llama?'],
    ['qwen3', 'There is no provider qwen3', 'Did you mean local/qwen3?'],
    ['demo/online', 'There is no model demo/online', 'demo/offline'],
    ['dmeo/offline', 'There is no provider dmeo', 'Did you mean demo/offline?'],
    ['local', 'local names no model', 'local/<model>'],
    ['local/', 'local/ names no model', '/models'],
    ['__proto__/x', 'There is no provider', 'Configured'],
  ])('do not hold %s, which is said with what was meant', (id, message, hint) => {
    const error = refusal(() => registry.resolve(id));
    expect(error.kind).toBe('MODEL_UNKNOWN');
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
  });

  test('of a public server need the key that its company names, and those of another server none', () => {
    const public_ = registryOf(
      configured('[providers.claude]\ntype = "anthropic"\n[providers.gemini]\ntype = "google"\n'),
    );
    expect(public_.resolve('claude/claude-x').keyVariable).toBe('ANTHROPIC_API_KEY');
    expect(public_.resolve('gemini/tunedModels/mine')).toMatchObject({
      model: 'tunedModels/mine',
      keyVariable: 'GEMINI_API_KEY',
    });
    expect(public_.keyVariables()).toEqual(['ANTHROPIC_API_KEY', 'GEMINI_API_KEY']);
    const own = registryOf(configured('[providers.a]\ntype = "anthropic"\nbase_url = "http://127.0.0.1:9/v1"'));
    expect(own.keyVariables()).toEqual([]);
  });

  test('are not guessed while the file has never been without errors, but for the demo model', () => {
    const broken = registryOf(configured('model = local/x', false));
    for (const action of [() => broken.resolve('local/x'), () => broken.defaultModel()]) {
      const error = refusal(action);
      expect(error.kind).toBe('CONFIG_INVALID');
      expect(error.message).toContain('f.toml:1:');
      expect(error.hint).toContain('--model demo/offline');
    }
    expect(broken.resolve('demo/offline').model).toBe('offline');
  });

  test('run a turn from the first word to its outcome', async () => {
    let text = '';
    const unused = () => Promise.reject(new Error('the demo model answers at once'));
    const sink = { live: () => undefined, keep: unused, started: unused, ended: () => undefined };
    const journal: TurnJournal = {
      text: (piece) => void (text += piece),
      reasoning: () => undefined,
      step: unused,
      approve: unused,
      begin: unused,
      sink: () => sink,
      result: unused,
      summary: unused,
    };
    const input = {
      sessionId: 's',
      turn: 1,
      firstStep: 1,
      model: 'offline',
      workspace: '/',
      messages: [prompt('echo hi')],
      activeMs: () => 0,
      agent: '',
      environment: {},
      open: [],
      apiKey: undefined,
    };
    const outcome = await registry
      .resolve('demo/offline')
      .backend.runTurn(input, journal, new AbortController().signal);
    expect(outcome.parts).toEqual([{ type: 'text', text }]);
    expect(text).toContain('hi');
  });
});

describe('the list of models', () => {
  const mock = new LLMock({ port: 0 });
  let server: ProviderServer;
  beforeAll(async () => {
    await mock.start();
  });
  afterAll(async () => {
    await mock.stop();
  });
  beforeEach(async () => {
    server = await ProviderServer.start();
  });
  afterEach(async () => {
    await server.stop();
  });

  const list = (text: string, keys = NO_KEYS) => registryOf(configured(text)).list(keys);
  const answering = (body: string): Promise<string[]> => {
    server.answer = (socket) => socket.end(plain('200 OK', body));
    return list(`[providers.a]\nbase_url = "${server.baseUrl}"\nmodels = ["mine"]`).then((result) =>
      result.models.map((model) => `${model.id} ${model.source}`),
    );
  };

  test('is the demo model alone when nothing is configured', async () => {
    expect(await list('')).toEqual({
      models: [{ id: 'demo/offline', provider: 'demo', source: 'built-in' }],
      problems: [],
    });
  });

  test('asks a real list of a server', async () => {
    mock.onMessage('x', { content: 'y' });
    const { models, problems } = await list(`[providers.a]\nbase_url = "${mock.url}/v1"`);
    expect(problems).toEqual([]);
    expect(models.length).toBeGreaterThan(1);
    expect(models.at(-1)).toMatchObject({ provider: 'a', source: 'server' });
  });

  test('adds what the server offers to what the file names, each once', async () => {
    expect(
      await answering('{"data":[{"id":"mine"},{"id":"b/c"},{"id":"b/c"},{"id":"has blank"},{"id":7},null]}'),
    ).toEqual(['demo/offline built-in', 'a/mine configured', 'a/b/c server']);
    expect(await answering('{"models":[{"name":"n"}]}')).toContain('a/n server');
    expect(await answering('["plain"]')).toContain('a/plain server');
  });

  test('sends the key', async () => {
    server.answer = (socket) => socket.end(plain('200 OK', '{"data":[]}'));
    await list(`[providers.a]\nbase_url = "${server.baseUrl}"\napi_key_env = "K"`, {
      keyFor: async (provider, variable) => `key-of-${provider}-${variable}`,
    });
    expect(server.requests[0]?.head).toContain('Bearer key-of-a-K');
    expect(server.requests[0]?.head).toMatch(/^GET \/v1\/models HTTP/);
  });

  test('asks an Anthropic server in its own way', async () => {
    server.answer = (socket) =>
      socket.end(
        plain(
          '200 OK',
          '{"data":[{"type":"model","id":"claude-x","display_name":"X"},{"type":"model"}],"has_more":false}',
        ),
      );
    const { models, problems } = await list(
      `[providers.a]\ntype = "anthropic"\nbase_url = "${server.baseUrl}"\napi_key_env = "K"\nheaders = { x-a = "b" }`,
      { keyFor: async () => 'the-key' },
    );
    expect(problems).toEqual([]);
    expect(models.map((model) => model.id)).toEqual(['demo/offline', 'a/claude-x']);
    const head = server.requests[0]?.head.toLowerCase() ?? '';
    expect(head).toMatch(/^get \/v1\/models\?limit=1000 http/);
    for (const header of ['x-api-key: the-key', 'anthropic-version: 2023-06-01', 'x-a: b'])
      expect(head).toContain(header);
    expect(head).not.toContain('bearer');
  });

  test('asks a Google server in its own way, and offers only what can answer', async () => {
    const entries = [
      { name: 'models/gemini-x', supportedGenerationMethods: ['generateContent', 'countTokens'] },
      { name: 'models/embedding-1', supportedGenerationMethods: ['embedContent'] },
      { name: 'tunedModels/mine', supportedGenerationMethods: ['generateContent'] },
      { name: 'models/unsaid' },
    ];
    server.answer = (socket) => socket.end(plain('200 OK', JSON.stringify({ models: entries, nextPageToken: 'x' })));
    const { models, problems } = await list(
      `[providers.a]\ntype = "google"\nbase_url = "${server.baseUrl}"\napi_key_env = "K"`,
      {
        keyFor: async () => 'the-key',
      },
    );
    expect(problems).toEqual([]);
    expect(models.map((model) => model.id)).toEqual(['demo/offline', 'a/gemini-x', 'a/tunedModels/mine', 'a/unsaid']);
    const head = server.requests[0]?.head.toLowerCase() ?? '';
    expect(head).toMatch(/^get \/v1\/models\?pagesize=1000 http/);
    expect(head).toContain('x-goog-api-key: the-key');
    expect(head).not.toContain('bearer');
  });

  test.each(['anthropic', 'google'])('gives up on a server of the type %s after three seconds', async (type) => {
    server.answer = () => undefined;
    const began = Date.now();
    const { models, problems } = await list(
      `[providers.a]\ntype = "${type}"\nbase_url = "${server.baseUrl}"\nmodels = ["mine"]`,
    );
    expect(Date.now() - began).toBeLessThan(4000);
    expect(models.map((model) => model.id)).toEqual(['demo/offline', 'a/mine']);
    expect(problems).toHaveLength(1);
  });

  test('keeps what the file names when the server does not answer within three seconds, and says why', async () => {
    server.answer = () => undefined;
    const began = Date.now();
    const { models, problems } = await list(`[providers.a]\nbase_url = "${server.baseUrl}"\nmodels = ["mine"]`);
    expect(Date.now() - began).toBeLessThan(4000);
    expect(models.map((model) => model.id)).toEqual(['demo/offline', 'a/mine']);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.provider).toBe('a');
  });

  test.each([
    ['503 Busy', 'x', 'not available now'],
    ['404 Not Found', '', 'has no list of models'],
    ['401 Unauthorized', '', 'asks for an API key'],
    ['200 OK', '<html>', 'not a list of models'],
    ['200 OK', '{"data": 5}', 'not a list of models'],
  ])('says why when the server answers %s %s', async (status, body, words) => {
    server.answer = (socket) => socket.end(plain(status, body));
    const { problems } = await list(`[providers.a]\nbase_url = "${server.baseUrl}"`);
    expect(problems[0]?.message).toContain(words);
  });

  test('does not ask a server whose key is missing, and says how to give it', async () => {
    const { problems } = await list(`[providers.a]\nbase_url = "${server.baseUrl}"\napi_key_env = "K"`);
    expect(problems).toEqual([
      {
        provider: 'a',
        message:
          'There is no API key for a. Set K in the shell that you start m from, or store the key: mctl config set-key a',
      },
    ]);
    expect(server.requests).toHaveLength(0);
  });

  test('reports a vault that is locked as the reason', async () => {
    const locked: ProviderKeys = {
      keyFor: () => Promise.reject(new ProtocolError('KEY_LOCKED', 'The store is locked.')),
    };
    const { problems } = await list(`[providers.a]\nbase_url = "${server.baseUrl}"`, locked);
    expect(problems).toEqual([{ provider: 'a', message: 'The store is locked.' }]);
  });

  test('is cut off when a server sends without end', async () => {
    server.answer = (socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[');
      const pour = (): void => {
        while (!socket.destroyed && socket.write('"x",'.repeat(20_000)));
      };
      socket.on('drain', pour);
      pour();
    };
    const { problems } = await list(`[providers.a]\nbase_url = "${server.baseUrl}"`);
    expect(problems).toHaveLength(1);
  });

  test('does not wait longer for a server that sends a byte now and then', async () => {
    server.answer = (socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[');
      const timer = setInterval(() => socket.write(' '), 50);
      socket.on('close', () => clearInterval(timer));
    };
    const began = Date.now();
    const { problems } = await list(`[providers.a]\nbase_url = "${server.baseUrl}"`);
    expect(Date.now() - began).toBeLessThan(4000);
    expect(problems).toHaveLength(1);
  });

  test('names a default model whose provider is not configured', async () => {
    const { problems } = await list('model = "gone/x"');
    expect(problems[0]?.message).toContain('There is no provider gone');
  });
});
