import { LLMock } from '@copilotkit/aimock';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { MHome } from '../support/m-home.ts';

const mock = new LLMock({ port: 0, chunkSize: 4 });
let home: MHome;

beforeAll(async () => {
  await mock.start();
});
afterAll(async () => {
  await mock.stop();
});
beforeEach(() => {
  mock.clearFixtures();
  mock.clearRequests();
  home = new MHome();
  const provider = (name: string, type: string, path: string): string =>
    `[providers.${name}]\ntype = "${type}"\nbase_url = "${mock.url}/${path}"\napi_key_env = "TEST_KEY"\n`;
  writeFileSync(
    join(home.dataDirectory, 'config.toml'),
    provider('chat', 'openai-compatible', 'v1') +
      provider('claude', 'anthropic', 'v1') +
      provider('gemini', 'google', 'v1beta'),
    { mode: 0o600 },
  );
});
afterEach(async () => {
  await home.remove();
});

test('one conversation goes on in all three formats, and what a model thought stays with it', async () => {
  const environment = { TEST_KEY: 'a-key-for-this-test' };
  const run = (model: string, prompt: string) =>
    home.run('m', ['run', '--json', '-c', '--model', model, prompt], { environment });
  const said: string[] = [];
  for (const model of ['claude/claude-x', 'gemini/gemini-x', 'chat/any/model', 'claude/claude-x']) {
    const prompt = `Question number ${said.length + 1}, please?`;
    mock.onMessage(prompt, { content: `Answer to ${said.length + 1}.`, reasoning: `Thought of ${model}.` });
    const finished = await run(model, prompt);
    expect(finished.code, finished.err).toBe(0);
    expect(finished.out).toContain(`Answer to ${said.length + 1}.`);
    const sent = JSON.stringify(mock.getRequests().at(-1)?.body);
    for (const words of [...said, prompt]) expect(sent).toContain(words);
    expect(sent).not.toContain('Thought of');
    said.push(prompt, `Answer to ${said.length + 1}.`);
  }
});

test('a key that is missing is named by the variable of the type', async () => {
  writeFileSync(join(home.dataDirectory, 'config.toml'), '[providers.claude]\ntype = "anthropic"\n', { mode: 0o600 });
  const finished = await home.run('m', ['run', '--json', '--model', 'claude/claude-x', 'hello']);
  expect(finished.code).not.toBe(0);
  expect(finished.out + finished.err).toContain('Set ANTHROPIC_API_KEY');
});
