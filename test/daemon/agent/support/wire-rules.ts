/** What the three providers document about a conversation, as checks of the JSON that reaches them. */

interface OpenAIMessage {
  readonly role: string;
  readonly content: string | null | readonly { text?: string; image_url?: { url: string } }[];
  readonly tool_calls?: readonly { id: string; function: { name: string; arguments: string } }[];
  readonly tool_call_id?: string;
}

interface AnthropicBlock {
  readonly type: string;
  readonly text?: string;
  readonly signature?: string;
  readonly source?: { readonly media_type: string };
  readonly id?: string;
  readonly name?: string;
  readonly input?: unknown;
  readonly tool_use_id?: string;
  readonly content?: unknown;
  readonly is_error?: boolean;
}
interface AnthropicMessage {
  readonly role: string;
  readonly content: readonly AnthropicBlock[];
}

interface GooglePart {
  readonly text?: string;
  readonly inlineData?: { readonly mimeType: string };
  readonly functionCall?: { readonly id?: string; readonly name: string; readonly args: unknown };
  readonly functionResponse?: { readonly id?: string; readonly name: string; readonly response: unknown };
  readonly thought?: boolean;
  readonly thoughtSignature?: string;
}
interface GoogleContent {
  readonly role: string;
  readonly parts: readonly GooglePart[];
}

/** A list of what a server would refuse in the text of a request; empty when it takes it. */
export const WIRE_RULES = {
  'openai-compatible': (body: string) =>
    openaiFaults((JSON.parse(body) as { messages: OpenAIMessage[] }).messages.filter(isOfDialog)),
  anthropic: (body: string) => anthropicFaults((JSON.parse(body) as { messages: AnthropicMessage[] }).messages),
  google: (body: string) => googleFaults((JSON.parse(body) as { contents: GoogleContent[] }).contents),
} as const;

const PLAIN_NAME = /^[A-Za-z0-9_-]{1,64}$/;

/** Collects what is wrong, with where it is. */
class Faults {
  readonly found: string[] = [];

  check(isFine: boolean, at: string | number, what: string): void {
    if (!isFine) this.found.push(`${at}: ${what}`);
  }

  checkEnds(roles: readonly string[], lasts: readonly string[]): void {
    this.check(roles.length > 0, 'all', 'there are no messages');
    this.check(roles[0] === 'user', 0, `the first is of ${roles[0]}`);
    this.check(lasts.includes(roles.at(-1) ?? ''), 'last', 'there is nothing to be answered');
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isObjectText(text: string): boolean {
  try {
    return isObject(JSON.parse(text));
  } catch {
    return false;
  }
}

function isWords(value: unknown): boolean {
  return typeof value === 'string' && value.trim() !== '';
}

function areSame(a: readonly (string | undefined)[], b: readonly (string | undefined)[]): boolean {
  const sorted = (list: readonly (string | undefined)[]): string => JSON.stringify(list.map(String).toSorted());
  return sorted(a) === sorted(b);
}

/** Instructions stand before everything else. */
function isOfDialog({ role }: OpenAIMessage, at: number): boolean {
  return role !== 'system' || at > 0;
}

/** Every call is answered once, by a message of role `tool`, before anything else is said. */
function openaiFaults(messages: readonly OpenAIMessage[]): string[] {
  const faults = new Faults();
  faults.checkEnds(
    messages.map((message) => message.role),
    ['user', 'tool'],
  );
  let open: string[] = [];
  for (const [at, message] of messages.entries()) {
    const { role, content } = message;
    if (role === 'tool') {
      faults.check(open.includes(message.tool_call_id ?? ''), at, 'a result without a call');
      faults.check(isWords(content), at, 'a result without words');
      faults.check(!/[A-Za-z0-9+/]{2000}/.test(JSON.stringify(content)), at, 'an image in letters');
      open = open.filter((id) => id !== message.tool_call_id);
      continue;
    }
    faults.check(open.length === 0, at, 'a call without a result');
    faults.check(role !== messages[at - 1]?.role, at, 'the same role again');
    if (role === 'user') checkOpenAIPrompt(faults, at, content);
    else open = checkOpenAIReply(faults, at, message);
  }
  faults.check(open.length === 0, 'last', 'a call without a result');
  return faults.found;
}

function checkOpenAIPrompt(faults: Faults, at: number, content: OpenAIMessage['content']): void {
  const parts = typeof content === 'string' ? [{ text: content }] : (content ?? []);
  faults.check(parts.length > 0, at, 'a prompt without content');
  for (const part of parts) {
    const isImage = 'image_url' in part && part.image_url?.url.startsWith('data:image/') === true;
    faults.check(isImage || isWords(part.text), at, 'an empty part');
  }
}

/** @returns the ids of its calls. */
function checkOpenAIReply(faults: Faults, at: number, message: OpenAIMessage): string[] {
  const { role, content, tool_calls: calls = [] } = message;
  faults.check(role === 'assistant', at, `the role ${role}`);
  faults.check(isWords(content) || (content === null && calls.length > 0), at, 'a reply without content');
  const ids = calls.map((call) => call.id);
  faults.check(new Set(ids).size === ids.length, at, 'an id twice');
  for (const call of calls) {
    faults.check(PLAIN_NAME.test(call.function.name), at, 'a name with other characters');
    faults.check(isObjectText(call.function.arguments), at, 'arguments that are no JSON object');
  }
  return ids;
}

/** Roles alternate from the user; results open the message after their calls; ids occur once; no text is blank. */
function anthropicFaults(messages: readonly AnthropicMessage[]): string[] {
  const faults = new Faults();
  faults.checkEnds(
    messages.map((message) => message.role),
    ['user'],
  );
  const used = new Set<string | undefined>();
  let open: (string | undefined)[] = [];
  for (const [at, { role, content }] of messages.entries()) {
    faults.check(role === (at % 2 === 0 ? 'user' : 'assistant'), at, `the role ${role} out of turn`);
    faults.check(content.length > 0, at, 'no content');
    const results = content.filter((block) => block.type === 'tool_result');
    const answered = results.map((block) => block.tool_use_id);
    faults.check(areSame(open, answered), at, 'results do not fit the calls');
    faults.check(
      results.every((block, index) => content[index] === block),
      at,
      'results do not come first',
    );
    for (const block of content) checkAnthropicBlock(faults, at, role, block);
    const calls = content.filter((block) => block.type === 'tool_use');
    open = calls.map((block) => block.id);
    for (const id of open) faults.check(!used.has(id), at, `the id ${id} again`);
    for (const id of open) used.add(id);
    const lastThought = content.findLastIndex((block) => block.type.includes('thinking'));
    const firstCall = content.findIndex((block) => block.type === 'tool_use');
    faults.check(firstCall === -1 || lastThought < firstCall, at, 'a thought behind a call');
  }
  return faults.found;
}

const ANTHROPIC_BLOCKS: Readonly<Record<string, readonly string[]>> = {
  user: ['text', 'image', 'tool_result'],
  assistant: ['text', 'thinking', 'redacted_thinking', 'tool_use'],
};

function checkAnthropicBlock(faults: Faults, at: number, role: string, block: AnthropicBlock): void {
  faults.check(ANTHROPIC_BLOCKS[role]?.includes(block.type) === true, at, `a block ${block.type}`);
  switch (block.type) {
    case 'text':
      faults.check(isWords(block.text), at, 'blank text');
      break;
    case 'thinking':
      faults.check(isWords(block.signature), at, 'a thought without signature');
      break;
    case 'image':
      faults.check(/^image\/(png|jpeg|gif|webp)$/.test(block.source?.media_type ?? ''), at, 'an image of another type');
      break;
    case 'tool_result':
      faults.check(block.is_error !== true || isWords(block.content), at, 'an error without words');
      break;
    case 'tool_use':
      faults.check(/^[a-zA-Z0-9_-]+$/.test(block.id ?? ''), at, `the id ${block.id}`);
      faults.check(/^[a-zA-Z0-9_-]{1,128}$/.test(block.name ?? ''), at, 'a name with other characters');
      faults.check(isObject(block.input), at, 'an input that is no object');
      break;
  }
}

/** A call turn follows a user turn; the turn after it answers every call, all together and with nothing else. */
function googleFaults(contents: readonly GoogleContent[]): string[] {
  const faults = new Faults();
  faults.checkEnds(
    contents.map((content) => content.role),
    ['user'],
  );
  let open: string[] = [];
  for (const [at, { role, parts }] of contents.entries()) {
    faults.check(role === 'user' || role === 'model', at, `the role ${role}`);
    faults.check(parts.length > 0, at, 'no parts');
    faults.check(!(role === 'model' && contents[at - 1]?.role === 'model'), at, 'a reply to a reply');
    const responses = parts.flatMap(({ functionResponse: one }) =>
      one === undefined ? [] : [`${one.id} ${one.name}`],
    );
    faults.check(areSame(open, responses), at, 'responses do not fit the calls');
    const images = parts.filter((part) => part.inlineData !== undefined).length;
    // An older model is shown what a tool returned beside its response, with a sentence about it.
    const beside = parts.length - responses.length;
    faults.check(responses.length === 0 || beside === images * 2, at, 'something beside the responses');
    for (const part of parts) checkGooglePart(faults, at, role, part);
    open = parts.flatMap(({ functionCall: one }) => (one === undefined ? [] : [`${one.id} ${one.name}`]));
  }
  faults.check(open.length === 0, 'last', 'a call without a response');
  return faults.found;
}

function checkGooglePart(faults: Faults, at: number, role: string, part: GooglePart): void {
  const kinds = Object.keys(part).filter((name) => !['thought', 'thoughtSignature'].includes(name));
  faults.check(kinds.length === 1, at, `a part of the kinds ${kinds.join(', ')}`);
  const { text, inlineData, functionCall, functionResponse, thoughtSignature } = part;
  if (text !== undefined) faults.check(isWords(text) || thoughtSignature !== undefined, at, 'an empty part');
  if (inlineData !== undefined) faults.check(inlineData.mimeType.startsWith('image/'), at, 'data that is no image');
  if (functionResponse !== undefined) faults.check(isObject(functionResponse.response), at, 'no object as response');
  if (functionCall === undefined) return;
  faults.check(role === 'model', at, 'a call of the user');
  faults.check(/^[A-Za-z_][A-Za-z0-9_.:-]{0,63}$/.test(functionCall.name), at, 'a name with other characters');
  faults.check(isObject(functionCall.args), at, 'arguments that are no object');
}
