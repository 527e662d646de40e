import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseAgent } from '../../../daemon/config/agent-file.ts';
import { Instructions } from '../../../daemon/config/instructions.ts';

let root: string;
let workspace: string;
let instructions: Instructions;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'mi')));
  workspace = join(root, 'w');
  for (const directory of ['w/.m/agents', 'c/agents']) mkdirSync(join(root, directory), { recursive: true });
  instructions = new Instructions(join(root, 'c', 'config.toml'));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const put = (name: string, text: string): void => {
  writeFileSync(join(root, name), text);
};
const texts = async (): Promise<string[]> => (await instructions.standing(workspace)).map(({ text }) => text);

describe('the instructions of a turn', () => {
  test('are those of the person, then those of the workspace', async () => {
    put('c/AGENTS.md', 'mine\n');
    put('w/AGENTS.md', 'theirs\n');
    expect(await texts()).toEqual(['mine', 'theirs']);
  });

  test('are read from CLAUDE.md or GEMINI.md where there is no AGENTS.md, and from one file only', async () => {
    expect(await texts()).toEqual([]);
    put('w/GEMINI.md', 'gemini');
    expect(await texts()).toEqual(['gemini']);
    put('w/CLAUDE.md', 'claude');
    expect(await texts()).toEqual(['claude']);
    put('w/AGENTS.md', 'agents');
    expect(await texts()).toEqual(['agents']);
  });

  test('may be a link inside the workspace', async () => {
    put('w/REAL.md', 'linked');
    symlinkSync('REAL.md', join(workspace, 'AGENTS.md'));
    expect(await texts()).toEqual(['linked']);
  });

  test('are never read through a link that leads out of the workspace, and say so', async () => {
    put('secret', 'a private key');
    symlinkSync(join(root, 'secret'), join(workspace, 'AGENTS.md'));
    expect(await texts()).toEqual(['(This file is not used: it is a link that leads out of the workspace.)']);
  });

  test('that are a pipe are not waited for', async () => {
    execFileSync('mkfifo', [join(workspace, 'AGENTS.md')]);
    expect(await texts()).toEqual(['(This file is not used: it is not a file.)']);
  });

  test('that are long are cut, and say so', async () => {
    put('w/AGENTS.md', 'x'.repeat(100_000));
    const [text = ''] = await texts();
    expect(text.length).toBeLessThan(66_000);
    expect(text).toContain('The rest of this file is left out');
  });

  test('begin with the system prompt of the person, when there is one', async () => {
    expect(await instructions.systemPrompt()).toBeUndefined();
    put('c/system-prompt.md', 'You are a pirate.');
    expect(await instructions.systemPrompt()).toBe('You are a pirate.');
  });
});

describe('the agents there are', () => {
  test('are those of the person and of the workspace; the person’s come first', async () => {
    put('c/agents/reviewer.md', '---\ndescription: mine\n---\nReview.\n');
    put('w/.m/agents/reviewer.md', '---\ndescription: theirs\n---\n');
    put('w/.m/agents/writer.md', 'Write.\n');
    const { agents, problems } = await instructions.agents(workspace);
    expect(problems).toEqual([]);
    expect(agents).toMatchObject([
      { name: 'reviewer', description: 'mine', source: 'personal', instructions: 'Review.' },
      { name: 'writer', source: 'workspace', instructions: 'Write.' },
    ]);
  });

  test('that cannot be used are named with the reason, and the others stay', async () => {
    put('c/agents/bad.md', '---\nmode: everything\n---\n');
    put('c/agents/worse.md', '---\n: [\n---\n');
    put('c/agents/alias.md', '---\nother: &a [1]\nsame: *a\n---\n');
    put('c/agents/deep.md', `---\na: ${'['.repeat(20_000)}${']'.repeat(20_000)}\n---\n`);
    put('c/agents/good.md', 'Good.');
    put('c/agents/none.md', 'Nobody.');
    put('c/agents/twice.md', '---\nname: good\n---\nBetter.');
    const { agents, problems } = await instructions.agents(workspace);
    expect(agents.map(({ name, instructions: text }) => `${name}: ${text}`)).toEqual(['good: Good.']);
    expect(problems).toEqual([
      expect.stringMatching(/alias\.md: its front matter refers to parts of itself/),
      expect.stringMatching(/bad\.md: its mode is not one that can be used$/),
      expect.stringMatching(/deep\.md: its front matter /),
      expect.stringMatching(/none\.md: its name cannot be none/),
      expect.stringMatching(/twice\.md: another file beside it has an agent good already/),
      expect.stringMatching(/worse\.md: its front matter is not YAML: /),
    ]);
  });
});

describe('an agent file', () => {
  test('says its name, model, mode, tools and instructions', () => {
    const text =
      '---\nname: fixer\ndescription: "Fixes: things"\nmodel: local/qwen3\nmode: auto-edit\ntools: [read, Edit]\n---\nFix it.';
    expect(parseAgent(text, 'file')).toEqual({
      name: 'fixer',
      description: 'Fixes: things',
      model: 'local/qwen3',
      mode: 'auto-edit',
      tools: ['read', 'edit'],
      instructions: 'Fix it.',
    });
  });

  test('takes what other programs write: tools with commas, models without a provider, other keys', () => {
    const text = '---\r\nname: a\r\ntools: Read, Grep\r\nmodel: sonnet\r\ncolor: blue\r\n---\r\nDo it.\r\n';
    expect(parseAgent(text, 'file')).toMatchObject({ name: 'a', tools: ['read', 'grep'], model: undefined });
  });

  test('is named by its file when it says no name, and is refused when that cannot be typed', () => {
    expect(parseAgent('Do it.', 'plain')).toMatchObject({ name: 'plain', instructions: 'Do it.' });
    expect(parseAgent('Do it.', '../x')).toMatch(/^its name must be/);
  });
});
