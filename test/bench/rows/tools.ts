/** What the calls of a turn cost beside its model. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from '../../../client/connection/api.ts';
import { DemoModel } from '../../../daemon/agent/demo.ts';
import type { Message, Part } from '../../../protocol/message.ts';
import { limitFigure, median, rangeText, type Figure, type Row } from '../support/figures.ts';
import { makeDirectory } from '../support/places.ts';
import { Watched } from '../support/watched.ts';
import { timeOnce } from '../support/rounds.ts';
import { demoTurn } from '../support/demo-turn.ts';
import { newId } from '../support/workload.ts';

const STEPS = 20;
const ROUNDS = 9;
const LIMIT_MS = 50;

/** Prompts of the demo model, by what their calls do. */
const WORK = {
  'one file write': ['write a.txt hello'],
  [`${STEPS} reads`]: Array.from({ length: STEPS }, (_, at) => `read f${at}.txt`),
  [`${STEPS} writes`]: Array.from({ length: STEPS }, (_, at) => `write n${at}.txt hello`),
  [`${STEPS} commands`]: Array.from({ length: STEPS }, (_, at) => `run true ${at}`),
} as const;

export const toolsRow: Row = {
  name: 'tools',
  title: 'What tool calls cost beside the model',
  method:
    'demo/offline is given a line for each call, a step each, in a session in mode `full` with a frontend attached; the time runs from the submission until the turn’s end is delivered. ' +
    'Taken away is the time that the same model takes in this process for the same steps. Every call is written down before and after it, read or not. ' +
    'Meanwhile a metronome on the daemon’s main thread and one in an idle process note how late their timers come.',
  run: async () => {
    const workspace = join(makeDirectory(), 'w');
    mkdirSync(workspace);
    for (let at = 0; at < STEPS; at += 1) writeFileSync(join(workspace, `f${at}.txt`), 'some text\n'.repeat(20));
    const watched = await Watched.start(join(makeDirectory(), 'data'));
    const client = await watched.product.typedClient();
    try {
      // The tools thread starts with the first call.
      await turn(client, workspace, 0, ['list']);
      await watched.begin();
      const calls = await figures(client, workspace);
      return [...calls, ...(await watched.figures('these turns'))];
    } finally {
      await client.close();
      await watched.end();
    }
  },
};

async function figures(client: Client, workspace: string): Promise<Figure[]> {
  const found: Figure[] = [];
  for (const [what, lines] of Object.entries(WORK)) {
    const overheads: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const model = await timeOnce(() => modelAlone(lines));
      // A session each: a file that exists must have been read before it is written.
      overheads.push((await timeOnce(() => turn(client, workspace, round, lines))) - model);
    }
    const calls = lines.length;
    found.push(
      calls === 1
        ? limitFigure(`a turn with ${what}, over its model’s time`, overheads, { unit: 'ms', limit: LIMIT_MS })
        : {
            what: `a turn with ${what}, over its model’s time`,
            measured: rangeText(overheads, 'ms', 1),
            result: `${(median(overheads) / calls).toFixed(1)} ms a call`,
          },
    );
  }
  return found;
}

/** The replies of the model to a turn whose every call works. */
async function modelAlone(lines: readonly string[]): Promise<void> {
  const model = new DemoModel();
  const messages: Message[] = [message('user', [{ type: 'text', text: lines.join('\n') }])];
  for (let step = 0; step <= lines.length; step += 1) {
    const request = { model: 'offline', messages, apiKey: undefined, system: '', tools: [] };
    const { parts } = await model.step(request, { text: ignore, reasoning: ignore }, new AbortController().signal);
    messages.push(message('assistant', parts));
    for (const part of parts) {
      if (part.type !== 'tool-call') continue;
      const { callId, name } = part;
      messages.push(message('tool', [{ type: 'tool-result', callId, name, output: 'done', isError: false }]));
    }
  }
}

function message(role: Message['role'], parts: readonly Part[]): Message {
  return { seq: 0, turn: 1, role, parts: [...parts], at: '' };
}

async function turn(client: Client, workspace: string, round: number, lines: readonly string[]): Promise<void> {
  const own = join(workspace, `${round}`);
  mkdirSync(own, { recursive: true });
  await demoTurn(
    client,
    workspace,
    lines.map((line) => line.replace(/^write /, `write ${round}/${newId()}-`)),
  );
}

function ignore(): void {
  // Nobody looks.
}
