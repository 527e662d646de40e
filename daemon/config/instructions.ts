/** What a person and a workspace tell a model: instructions, a system prompt, agents. */
import { readdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseAgent, type AgentText } from './agent-file.ts';
import { MAX_INSTRUCTION_BYTES, readInstructions } from './instruction-file.ts';

/** Of these the first that is there counts: the others say the same for other programs. */
const WORKSPACE_FILES = ['AGENTS.md', 'CLAUDE.md', 'GEMINI.md'] as const;
const PERSONAL_FILE = 'AGENTS.md';
const SYSTEM_PROMPT_FILE = 'system-prompt.md';
const AGENT_DIRECTORY = 'agents';
const WORKSPACE_DIRECTORY = '.m';
/** Agents that are read of one directory. */
const MAX_AGENTS = 200;

export interface Instruction {
  readonly path: string;
  readonly text: string;
}

export interface SourcedAgent extends AgentText {
  readonly source: 'personal' | 'workspace';
}

export class Instructions {
  readonly #directory: string;

  /** @param configPath beside which the personal files lie. */
  constructor(configPath: string) {
    this.#directory = dirname(configPath);
  }

  /** In place of the built-in one; undefined when there is none. */
  async systemPrompt(): Promise<string | undefined> {
    const file = await readInstructions(join(this.#directory, SYSTEM_PROMPT_FILE));
    return file.state === 'read' && file.text.trim() !== '' ? file.text : undefined;
  }

  /** The person's, then the workspace's. */
  async standing(workspace: string): Promise<Instruction[]> {
    const found: Instruction[] = [];
    const personal = join(this.#directory, PERSONAL_FILE);
    add(found, personal, await readInstructions(personal));
    const within = await realpath(workspace).catch(() => workspace);
    for (const name of WORKSPACE_FILES) {
      const path = join(within, name);
      const file = await readInstructions(path, within);
      if (file.state === 'absent') continue;
      add(found, path, file);
      break;
    }
    return found;
  }

  /** By name, each once: the person's come before those of the workspace. */
  async agents(workspace: string): Promise<{ agents: SourcedAgent[]; problems: string[] }> {
    const agents = new Map<string, SourcedAgent>();
    const problems: string[] = [];
    const within = await realpath(workspace).catch(() => workspace);
    const places = [
      { directory: join(this.#directory, AGENT_DIRECTORY), source: 'personal' as const, within: undefined },
      { directory: join(within, WORKSPACE_DIRECTORY, AGENT_DIRECTORY), source: 'workspace' as const, within },
    ];
    for (const { directory, source, within: bound } of places) {
      for (const name of await markdownIn(directory)) {
        const path = join(directory, name);
        const agent = await readAgent(path, name, bound);
        if (typeof agent === 'string') problems.push(`${path}: ${agent}`);
        else if (!agents.has(agent.name)) agents.set(agent.name, { ...agent, source });
        else if (agents.get(agent.name)?.source === source)
          problems.push(`${path}: another file beside it has an agent ${agent.name} already, which is used`);
      }
    }
    return { agents: [...agents.values()], problems };
  }
}

async function readAgent(path: string, name: string, within: string | undefined): Promise<AgentText | string> {
  const file = await readInstructions(path, within);
  if (file.state === 'absent') return 'it is gone';
  if (file.state === 'unusable') return file.reason;
  if (file.isCut) return `it is longer than ${MAX_INSTRUCTION_BYTES} bytes`;
  return parseAgent(file.text, name.replace(/\.md$/i, ''));
}

async function markdownIn(directory: string): Promise<string[]> {
  try {
    const names = await readdir(directory);
    return names
      .filter((name) => /\.md$/i.test(name))
      .sort()
      .slice(0, MAX_AGENTS);
  } catch {
    // Most people have no such directory.
    return [];
  }
}

function add(found: Instruction[], path: string, file: Awaited<ReturnType<typeof readInstructions>>): void {
  if (file.state === 'read' && file.text.trim() !== '') {
    const note = file.isCut
      ? `\n\n(The rest of this file is left out: it is longer than ${MAX_INSTRUCTION_BYTES} bytes.)`
      : '';
    found.push({ path, text: `${file.text.trim()}${note}` });
  }
  if (file.state === 'unusable') found.push({ path, text: `(This file is not used: ${file.reason}.)` });
}
