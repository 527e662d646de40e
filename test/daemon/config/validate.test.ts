import { describe, expect, test } from 'vitest';
import { describeProblem } from '../../../daemon/config/problem.ts';
import { DEFAULT_CONFIGURATION, validate } from '../../../daemon/config/validate.ts';

/** What a person reads about a text, one line for each problem. */
function problemsOf(text: string): string[] {
  return validate(text).problems.map((problem) => describeProblem('f.toml', problem));
}

const SERVER = '[providers.local]\nbase_url = "http://127.0.0.1:8080/v1"\n';

describe('a configuration', () => {
  test('without any setting is the default one', () => {
    const { configuration, problems } = validate('# nothing yet\n');
    expect(problems).toEqual([]);
    expect(configuration).toEqual(DEFAULT_CONFIGURATION);
    expect(configuration).toEqual({
      model: 'demo/offline',
      mode: 'ask',
      recovery: 'safe',
      idleExitMinutes: 30,
      logLevel: 'info',
      maxSteps: 200,
      maxTurnMinutes: 240,
      maxResultMegabytes: 8,
      compactAt: 0.8,
      snapshots: {
        enabled: true,
        encrypt: true,
        watch: 'auto',
        maxFileBytes: 10 * 1024 ** 2,
        maxFiles: 200_000,
        maxBytes: 2 * 1024 ** 3,
        maxAgeDays: 7,
        maxStoredBytes: 10 * 1024 ** 3,
      },
      models: new Map(),
      providers: new Map(),
    });
  });

  test('with every setting has the values of the file', () => {
    const { configuration, problems } = validate(`
      model = "local/qwen3:30b"
      recovery = "ask"
      idle_exit_minutes = 0
      log_level = "debug"
      snapshots_enabled = false
      snapshots_encrypt = false
      snapshots_watch = "off"
      snapshots_max_file_megabytes = 3
      snapshots_max_files = 1000
      snapshots_max_megabytes = 5
      snapshots_max_age_days = 0
      snapshots_max_stored_megabytes = 2
      [providers.local]
      type = "openai-compatible"
      base_url = "http://127.0.0.1:8080/v1/"
      api_key_env = "LOCAL_API_KEY"
      models = ["qwen3:30b", "meta/llama"]
      headers = { "HTTP-Referer" = "https://example.org", X-Title = "m" }
      reasoning = "high"
      max_output_tokens = 8192
      connect_timeout_seconds = 2.5
      first_byte_timeout_seconds = 600
      silence_timeout_seconds = 0.1
    `);
    expect(problems).toEqual([]);
    expect(configuration.model).toBe('local/qwen3:30b');
    expect(configuration.recovery).toBe('ask');
    expect(configuration.idleExitMinutes).toBe(0);
    expect(configuration.logLevel).toBe('debug');
    const [maxFileBytes, maxBytes] = [3 * 1024 ** 2, 5 * 1024 ** 2];
    const limits = { maxFileBytes, maxFiles: 1000, maxBytes, maxAgeDays: 0, maxStoredBytes: 2 * 1024 ** 2 };
    expect(configuration.snapshots).toEqual({ enabled: false, encrypt: false, watch: 'off', ...limits });
    expect(configuration.providers.get('local')).toEqual({
      name: 'local',
      type: 'openai-compatible',
      baseUrl: 'http://127.0.0.1:8080/v1',
      apiKeyEnv: 'LOCAL_API_KEY',
      models: ['qwen3:30b', 'meta/llama'],
      headers: { 'HTTP-Referer': 'https://example.org', 'X-Title': 'm' },
      reasoning: 'high',
      maxOutputTokens: 8192,
      connectTimeoutMs: 2500,
      firstByteTimeoutMs: 600_000,
      silenceTimeoutMs: 100,
    });
  });

  test('is the default one while anything is wrong with it', () => {
    const { configuration, problems } = validate('model = "local/x"\nrecovery = "maybe"\n');
    expect(problems).toHaveLength(1);
    expect(configuration).toEqual(DEFAULT_CONFIGURATION);
  });

  test('names every problem in the order of the lines', () => {
    const lines = problemsOf(`${SERVER}typ = "x"\n\n[providers.b]\n\n[providers.c]\nbase_url = 5\n`).map((line) =>
      line.slice(0, 8),
    );
    expect(lines).toEqual(['f.toml:3', 'f.toml:5', 'f.toml:8']);
  });
});

describe('where a provider is and which key it takes', () => {
  const ANTHROPIC = 'https://api.anthropic.com/v1';
  const GOOGLE = 'https://generativelanguage.googleapis.com/v1beta';

  test.each([
    ['type = "anthropic"', ANTHROPIC, 'ANTHROPIC_API_KEY'],
    ['type = "anthropic"\nbase_url = "https://api.anthropic.com"', ANTHROPIC, 'ANTHROPIC_API_KEY'],
    ['type = "anthropic"\nbase_url = "https://api.anthropic.com/v1/"', ANTHROPIC, 'ANTHROPIC_API_KEY'],
    ['type = "anthropic"\napi_key_env = "WORK_KEY"', ANTHROPIC, 'WORK_KEY'],
    ['type = "anthropic"\nbase_url = "http://127.0.0.1:8080/v1"', 'http://127.0.0.1:8080/v1', undefined],
    [
      'type = "anthropic"\nbase_url = "https://api.anthropic.com.test/v1"',
      'https://api.anthropic.com.test/v1',
      undefined,
    ],
    ['type = "google"', GOOGLE, 'GEMINI_API_KEY'],
    [
      'type = "google"\nbase_url = "https://generativelanguage.googleapis.com/v1"',
      'https://generativelanguage.googleapis.com/v1',
      'GEMINI_API_KEY',
    ],
    ['base_url = "http://127.0.0.1:8080/v1"', 'http://127.0.0.1:8080/v1', undefined],
  ])('follows from %s', (lines, baseUrl, apiKeyEnv) => {
    const { configuration, problems } = validate(`[providers.p]\n${lines}\n`);
    expect(problems).toEqual([]);
    expect(configuration.providers.get('p')).toMatchObject({ baseUrl, apiKeyEnv });
  });
});

describe('an error in a configuration names file, line, key, what is wrong and what to do', () => {
  test.each([
    ['a value that is not quoted', '\nmodel = local/x', ['f.toml:2:', 'not TOML at column 9', 'double quotes']],
    ['quotes left open', 'a = 1\nmodel = "x\nrecovery = "ask"', ['f.toml:2:', 'Close the quotes']],
    ['a key twice', 'model = "a/b"\n\nmodel = "a/c"', ['f.toml:3:', 'written once']],
    ['a table twice', `${SERVER}\n${SERVER}`, ['f.toml:4:', 'written once']],
    ['two settings on a line', 'model = "a/b" recovery = "ask"', ['f.toml:1:', 'one setting a line']],
    ['no equals sign', '# x\nmodel "a/b"', ['f.toml:2:', 'key = value']],
    [
      'Windows line ends',
      'model = "a/b"\r\nrecovery = 1\r\n',
      ['f.toml:2: recovery must be "safe", "ask" or "never", and is 1'],
    ],
    ['a byte order mark', '\uFEFFrecovery = 1', ['f.toml:1: recovery must be']],
    ['an unknown key', 'model = "a/b"\nmodl = "a/b"', ['f.toml:2: modl is not a setting. Did you mean model?']],
    [
      'an unknown key like no other',
      'colour = "red"',
      ['f.toml:1: colour is not a setting', 'Known here: model, mode, recovery'],
    ],
    [
      'an unknown key of a provider',
      `${SERVER}base_ulr = "x"`,
      ['f.toml:3: providers.local.base_ulr', 'Did you mean providers.local.base_url?'],
    ],
    [
      'an unknown table',
      '[provider.local]\nbase_url = "x"',
      ['f.toml:1: provider is not a setting. Did you mean providers?'],
    ],
    [
      'a general setting under a provider',
      `${SERVER}recovery = "ask"`,
      ['f.toml:3:', 'move it above the first [table]'],
    ],
    ['a provider setting at the top', 'base_url = "http://x"', ['f.toml:1:', 'belongs under [providers.<name>]']],
    ['a word that does not exist', 'recovery = "saef"', ['f.toml:1: recovery must be', 'Did you mean "safe"?']],
    [
      'a type that does not exist',
      `${SERVER}type = "openai-compatable"`,
      ['f.toml:3:', 'Did you mean "openai-compatible"?'],
    ],
    [
      'a short name for a type',
      `${SERVER}type = "antropic"`,
      [
        'f.toml:3: providers.local.type must be "openai-compatible", "anthropic" or "google"',
        'Did you mean "anthropic"?',
      ],
    ],
    ['no such effort', `${SERVER}reasoning = "hihg"`, ['f.toml:3: providers.local.reasoning', 'Did you mean "high"?']],
    [
      'half a token',
      `${SERVER}max_output_tokens = 0.5`,
      ['f.toml:3: providers.local.max_output_tokens must be a whole number of tokens', 'and is 0.5'],
    ],
    [
      'text for a number',
      'idle_exit_minutes = "5"',
      ['f.toml:1: idle_exit_minutes must be a number of minutes between 0 (never) and 10080, and is a text'],
    ],
    [
      'a number out of range',
      `${SERVER}\nsilence_timeout_seconds = 0`,
      ['f.toml:4:', 'between 0.1 and 86400, and is 0'],
    ],
    ['infinity', `${SERVER}silence_timeout_seconds = inf`, ['f.toml:3:', 'and is Infinity']],
    ['a model without a provider', 'model = "qwen3"', ['f.toml:1: model must be text of the form "provider/model"']],
    ['a date for a model', 'model = 2026-01-01', ['f.toml:1: model', 'and is a date']],
    [
      'a list element that is no name',
      `${SERVER}models = [\n  "good",\n  3,\n]`,
      ['f.toml:3: providers.local.models must be a list', 'and is 3'],
    ],
    [
      'a provider without an address',
      '\n[providers.local]\ntype = "openai-compatible"',
      ['f.toml:2: providers.local.base_url is missing. Add it; it must be an address'],
    ],
    [
      'a provider that is no table',
      '[providers]\nlocal = "http://x"',
      ['f.toml:2: providers.local must be a table with at least base_url or type, and is a text'],
    ],
    [
      'a list of providers',
      '[[providers.local]]\nbase_url = "http://x"',
      ['f.toml:1: providers.local must be a table', 'is a list'],
    ],
    [
      'an address without a scheme',
      '[providers.a]\nbase_url = "127.0.0.1:80"',
      ['f.toml:2: providers.a.base_url must'],
    ],
    [
      'a text for a truth',
      'snapshots_enabled = "false"',
      ['f.toml:1: snapshots_enabled must be true or false, and is a text'],
    ],
    ['a number for a truth', 'snapshots_encrypt = 0', ['f.toml:1: snapshots_encrypt must be true or false, and is 0']],
    [
      'a part of a file',
      'snapshots_max_files = 0.5',
      ['f.toml:1: snapshots_max_files must be a whole number of files between 1 and 1000000, and is 0.5'],
    ],
    ['a truth for a text', 'model = true', ['f.toml:1: model must be text', 'and is true']],
    ['an address of another scheme', '[providers.a]\nbase_url = "ftp://x"', ['must begin with http:// or https://']],
    ['an address with a query', '[providers.a]\nbase_url = "http://x/v1?a=b"', ['must end before any "?"']],
    ['a variable that is no name', `${SERVER}api_key_env = "MY KEY"`, ['f.toml:3:', 'name of an environment variable']],
    [
      'the reserved provider',
      '[providers.demo]\nbase_url = "http://x"',
      ['f.toml:1: providers.demo uses a name that belongs to the built-in demo model'],
    ],
    [
      'a provider name with blanks',
      '[providers."my server"]\nbase_url = "http://x"',
      ['f.toml:1: providers.my server is not a name for a provider'],
    ],
    [
      'an inline table',
      'recovery = "ask"\nproviders = { a = { base_ur = "x" } }',
      ['f.toml:2: providers.a.base_ur is not a setting. Did you mean providers.a.base_url?'],
    ],
    ['a dotted key', 'recovery = "ask"\nproviders.a.base_url = 3', ['f.toml:2: providers.a.base_url']],
    [
      'a header over two lines',
      `${SERVER}[providers.local.headers]\nX-A = "a\\nb"`,
      ['f.toml:4: providers.local.headers.X-A must be one line'],
    ],
    [
      'a header name with a colon',
      `${SERVER}[providers.local.headers]\n"X:A" = "a"`,
      ['f.toml:4:', 'not a name for a header'],
    ],
    [
      'a key that only JavaScript knows',
      '__proto__ = 1',
      ['f.toml:1: holds a key named __proto__ or constructor', 'another name'],
    ],
    [
      'a table that only JavaScript knows',
      '[constructor]\nx = 1',
      ['f.toml:1: holds a key named __proto__ or constructor', 'another name'],
    ],
  ])('%s', (_, text, expected) => {
    const shown = problemsOf(text);
    expect(shown.length).toBe(1);
    for (const words of expected) expect(shown[0]).toContain(words);
    expect(shown[0]).toMatch(/^f\.toml(:\d+)?: .+\. .+[.?)]$/);
  });
});

describe('a secret in a configuration', () => {
  const SECRET = 'sk-proj-AbCdEfGh0123456789';

  test.each([
    ['api_key of a provider', `${SERVER}api_key = "${SECRET}"`, 3, 'mctl config set-key local'],
    ['a short one', `${SERVER}api_key = "abc"`, 3, 'mctl config set-key local'],
    ['token of a provider', `${SERVER}token = "${SECRET}"`, 3, 'mctl config set-key local'],
    ['a key at the top', `openai_api_key = "${SECRET}"`, 1, 'mctl config set-key <provider>'],
    ['the value of another setting', `${SERVER}models = ["x"]\ntype = "${SECRET}"`, 4, 'mctl config set-key local'],
    ['an Authorization header', `${SERVER}headers = { Authorization = "x" }`, 3, 'mctl config set-key local'],
    ['a header for keys', `${SERVER}[providers.local.headers]\nX-Api-Key = "x"`, 4, 'mctl config set-key local'],
    [
      'a header with a bearer token',
      `${SERVER}[providers.local.headers]\nX-A = "Bearer abc"`,
      4,
      'mctl config set-key local',
    ],
    ['the key in place of its variable', `${SERVER}api_key_env = "${SECRET}"`, 3, 'mctl config set-key local'],
    ['a table of secrets', `[secrets]\nlocal = "${SECRET}"`, 1, 'mctl config set-key <provider>'],
  ])('is refused with the command that stores it, and not repeated: %s', (_, text, line, command) => {
    const shown = problemsOf(text);
    expect(shown).toHaveLength(1);
    expect(shown[0]).toMatch(new RegExp(`^f\\.toml:${line}: .*secret in a plain file\\. Remove the line`));
    expect(shown[0]?.endsWith(command)).toBe(true);
    expect(shown[0]).not.toContain(SECRET.slice(3, 14));
  });

  test.each([
    ['a password in an address', '[providers.a]\nbase_url = "http://me:hunter22@x/v1"', 'hunter22'],
    [
      'something random in place of a variable',
      `${SERVER}api_key_env = "9f86d081884c7d659a2feaa0c55ad015"`,
      '9f86d081',
    ],
    ['something random in a header', `${SERVER}headers = { X-A = "9f86d081884c7d659a2feaa0c55ad015" }`, '9f86d081'],
    ['something beside the quotes', 'model = "a/b" hunter22secret', 'hunter22'],
    ['a text in place of a number', 'idle_exit_minutes = "hunter22"', 'hunter22'],
    ['a text that is no choice', 'log_level = "hunter22"', 'hunter22'],
  ])('is not repeated: %s', (_, text, secret) => {
    const shown = problemsOf(text);
    expect(shown).toHaveLength(1);
    expect(shown[0]).not.toContain(secret);
  });

  test.each([
    ['the name of a variable', `${SERVER}api_key_env = "MY_SECRET_TOKEN_KEY"`],
    ['a provider named like one', '[providers.token]\nbase_url = "http://x"'],
    [
      'model names with digits',
      `${SERVER}models = ["accounts/fireworks/models/llama-v3p1-405b-instruct", "gpt-4o-2024-08-06"]`,
    ],
    ['an ordinary header', `${SERVER}headers = { HTTP-Referer = "https://github.com/someone/some-project-1234" }`],
  ])('is not seen where there is none: %s', (_, text) => {
    expect(problemsOf(text)).toEqual([]);
  });
});
