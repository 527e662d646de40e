/** An agent as a person writes it: Markdown with front matter. */
import * as z from 'zod/mini';
import { parse, YAMLParseError } from 'yaml';

export const AGENT_NAME = /^[\p{L}\p{N}][\p{L}\p{N}._-]{0,99}$/u;

/** What is chosen to go on without an agent. */
const NO_AGENT = 'none';

/** What the front matter may say. Other keys belong to other programs and are left alone. */
const FrontMatter = z.object({
  name: z.optional(z.string()),
  description: z.optional(z.string()),
  model: z.optional(z.nullable(z.string())),
  mode: z.optional(z.enum(['ask', 'auto-edit', 'full'])),
  /** A list, or names with commas between them. */
  tools: z.optional(z.union([z.string(), z.array(z.string())])),
});

export interface AgentText {
  readonly name: string;
  readonly description: string;
  readonly model: string | undefined;
  readonly mode: 'ask' | 'auto-edit' | 'full' | undefined;
  /** In lower case; undefined for all. */
  readonly tools: readonly string[] | undefined;
  readonly instructions: string;
}

/**
 * @param fileName without its extension: the name, when the front matter gives none.
 * @returns what is wrong, in words, when it cannot be used.
 */
export function parseAgent(text: string, fileName: string): AgentText | string {
  const found = /^---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n(.*))?$/s.exec(text);
  const { front, body } = found === null ? { front: '', body: text } : { front: found[1] ?? '', body: found[2] ?? '' };
  const facts = readFront(front);
  if (typeof facts === 'string') return facts;
  const name = facts.name ?? fileName;
  if (!AGENT_NAME.test(name))
    return 'its name must be letters, digits, ".", "_" and "-", and begin with one of the first two';
  if (name === NO_AGENT) return `its name cannot be ${NO_AGENT}, which stands for no agent`;
  // Other programs name models without a provider; such a name means nothing here.
  const model = facts.model?.includes('/') === true ? facts.model : undefined;
  const { description = '', mode, tools } = facts;
  return {
    name,
    description,
    model,
    mode,
    tools: tools === undefined ? undefined : namesIn(tools),
    instructions: body.trim(),
  };
}

function readFront(front: string): z.infer<typeof FrontMatter> | string {
  let value: unknown;
  try {
    // Warnings would quote the file on the standard error of the process.
    value = parse(front, { maxAliasCount: 0, logLevel: 'error' }) ?? {};
  } catch (error) {
    // Whatever a stranger has written: one file must not take the others away.
    if (!(error instanceof YAMLParseError))
      return 'its front matter refers to parts of itself, or is nested too deeply';
    return `its front matter is not YAML: ${error.message.split('\n', 1)[0] ?? ''}`;
  }
  const result = FrontMatter.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const key = issue?.path.join('.') ?? '';
  return key === '' ? 'its front matter is no list of keys' : `its ${key} is not one that can be used`;
}

function namesIn(tools: string | readonly string[]): string[] {
  const names = typeof tools === 'string' ? tools.split(',') : tools;
  return names.map((name) => name.trim().toLowerCase()).filter((name) => name !== '');
}
