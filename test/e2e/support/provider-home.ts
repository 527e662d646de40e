/** A home whose configuration names a server on loopback in each of the three formats. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '../../../client/connection/api.ts';
import type { Format } from '../../daemon/agent/support/scripted-server.ts';
import { RealHome } from '../../support/real-daemon.ts';
import { Watcher } from '../../support/watcher.ts';

/** A model of each format. */
export const MODELS: readonly { readonly format: Format; readonly model: string }[] = [
  { format: 'openai-compatible', model: 'chat/some-model' },
  { format: 'anthropic', model: 'claude/claude-x' },
  { format: 'google', model: 'gemini/gemini-x' },
];

/** One server for all, or one for each format in the order of `MODELS`. @param top lines before the first table. @param more tables. */
export function configuration(baseUrl: string | readonly string[], top = '', more = '', silenceSeconds = 20): string {
  const addresses = typeof baseUrl === 'string' ? [baseUrl, baseUrl, baseUrl.replace(/v1$/, 'v1beta')] : baseUrl;
  const provider = (at: number, name: string, type: string): string =>
    [
      `[providers.${name}]`,
      `type = "${type}"`,
      `base_url = "${addresses[at]}"`,
      'api_key_env = "TEST_KEY"',
      'first_byte_timeout_seconds = 20',
      `silence_timeout_seconds = ${silenceSeconds}`,
      '',
    ].join('\n');
  const all =
    provider(0, 'chat', 'openai-compatible') + provider(1, 'claude', 'anthropic') + provider(2, 'gemini', 'google');
  return `${top}\n${all}${more}\n`;
}

/** @param rest as for `configuration`. */
export function providerHome(...rest: Parameters<typeof configuration>): RealHome {
  return new RealHome({ config: configuration(...rest), environment: { TEST_KEY: 'a-key-for-this-test' } });
}

let workspaces = 0;

/** A fresh workspace of a home. */
export function freshWorkspace(home: RealHome): string {
  const workspace = join(home.root, `w${(workspaces += 1)}`);
  mkdirSync(workspace);
  return workspace;
}

/** A session with a prompt to a model, in which everything is allowed. */
export async function ask(client: Client, workspace: string, model: string, prompt: string): Promise<Watcher> {
  return await Watcher.begin(client, { workspace, prompt, model, mode: 'full' });
}

/** Text of the newest reply. */
export async function lastReply(me: Watcher): Promise<string> {
  const messages = await me.messages();
  const parts = messages.findLast(({ role }) => role === 'assistant')?.parts ?? [];
  return parts.map((part) => (part.type === 'text' ? part.text : '')).join('');
}
