/** The page about the demo model, carried out: every prompt that uses tools, with the real ones. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { realHome } from '../support/real-daemon.ts';
import { Watcher } from '../support/watcher.ts';

const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'DEMO-MODEL.md'), 'utf8');
const chapter = page.slice(page.indexOf('## Prompts that use tools'));
const ROWS = [...chapter.matchAll(/^\| `(.+?)` \| (.+) \|$/gm)].map(([, prompt = '', does = '']) => ({ prompt, does }));
const BLOCKS = [...chapter.matchAll(/^```\n(.+?)\n```$/gms)].map(([, prompt = '']) => prompt);

/** What a prompt has called, and the outputs. */
async function played(me: Watcher, prompt: string) {
  const before = (await me.results()).length;
  const turn = await me.submit(prompt);
  await me.state(turn, 'completed');
  return (await me.results()).slice(before);
}

async function begin(): Promise<{ me: Watcher; workspace: string }> {
  const home = realHome();
  const { workspace } = home;
  const me = await Watcher.begin(await home.client(), { workspace, prompt: 'hello', mode: 'full' });
  await me.state(1, 'completed');
  return { me, workspace };
}

/** What stands in an output, by the beginning of the prompt. */
const SAYS: Readonly<Record<string, RegExp>> = {
  read: /one\n.*two/,
  edit: /notes\.txt/,
  list: /notes\.txt/,
  glob: /notes\.txt/,
  grep: /notes\.txt.*three/,
  run: /hello/,
  output: /still runs/,
  call: /three/,
};

test('each line of the table calls the tool that it names, which does what it says', async () => {
  const { me, workspace } = await begin();
  let id = 'ID';
  for (const { prompt, does } of ROWS) {
    const [verb = ''] = prompt.split(' ');
    const results = await played(me, prompt.replace('ID', id));
    const named = verb === 'call' ? 'read' : /^`(\w+)`/.exec(does)?.[1];
    expect(results, prompt).toMatchObject([{ name: named, isError: false }]);
    const output = results[0]?.output ?? '';
    expect(output, prompt).toMatch(SAYS[verb] ?? /./);
    if (verb === 'write') expect(readFileSync(join(workspace, 'notes.txt'), 'utf8')).toBe('one\ntwo\n');
    if (verb === 'edit') expect(readFileSync(join(workspace, 'notes.txt'), 'utf8')).toBe('three\ntwo\n');
    if (verb === 'start') id = /as (\S+);/.exec(output)?.[1] ?? output;
  }
  const verbs = ROWS.map(({ prompt }) => prompt.split(' ')[0]);
  expect(verbs).toEqual(['write', 'read', 'edit', 'list', 'glob', 'grep', 'run', 'start', 'output', 'kill', 'call']);
  const wrong = await played(me, 'call read [1]');
  expect(wrong).toMatchObject([{ name: 'read', isError: true }]);
  const other = await played(me, 'read notes.txt\nand tell me about it');
  expect(other).toEqual([]);
});

test('several lines are a step each, all together are one step, and for ever is until a limit', async () => {
  const { me } = await begin();
  const [lines = '', together = '', forever = ''] = BLOCKS;
  const stepsOf = async (turn: number): Promise<number[]> => {
    const messages = await me.messages();
    const replies = messages.filter((message) => message.turn === turn && message.role === 'assistant');
    return replies.map(({ parts }) => parts.filter((part) => part.type === 'tool-call').length);
  };
  const one = await played(me, lines);
  expect(one.map(({ name, isError }) => `${name} ${isError}`)).toEqual(['write false', 'read false', 'bash false']);
  expect(await stepsOf(2)).toEqual([1, 1, 1, 0]);
  const all = await played(me, together);
  expect(all.map(({ name }) => name).toSorted()).toEqual(['grep', 'list', 'read']);
  expect(await stepsOf(3)).toEqual([3, 0]);
  const turn = await me.submit(forever);
  await me.state(turn, 'failed');
  expect(me.conversation.turns.get(turn)?.change?.error?.kind).toBe('LIMIT_REACHED');
  expect(BLOCKS).toHaveLength(3);
});
