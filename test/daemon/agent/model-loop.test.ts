import { describe, expect, test } from 'vitest';
import { ModelLoop, type LoopParts } from '../../../daemon/agent/model-loop.ts';
import type { StepReply, StepRequest } from '../../../daemon/agent/step-model.ts';
import type { Summary, TurnInput, TurnJournal, Verdict } from '../../../daemon/services/agent-port.ts';
import {
  ToolRefusal,
  type PreparedCall,
  type ToolOutcome,
  type ToolPort,
  type ToolSpec,
} from '../../../daemon/services/tool-port.ts';
import { ProtocolError } from '../../../protocol/errors.ts';
import type { Message, Part, ToolCallPart } from '../../../protocol/message.ts';
import type { ToolEffect } from '../../../protocol/tool.ts';
import { prompt } from './support/provider-server.ts';

const USAGE = { inputTokens: 10, outputTokens: 5 };
const SPECS: ToolSpec[] = [
  ['read', 'read'],
  ['grep', 'read'],
  ['write', 'edit'],
  ['bash', 'command'],
].map(([name = '', effect]) => ({ name, effect: effect as ToolEffect, summary: '', description: '', schema: {} }));

const call = (name: string, args = '{}'): ToolCallPart => ({ type: 'tool-call', callId: 'x', name, arguments: args });
const says = (text: string): Part => ({ type: 'text', text });

/** What happened, in order, and the parts that a loop works with. */
class Stage {
  readonly happened: string[] = [];
  readonly requests: StepRequest[] = [];
  readonly summaries: Summary[] = [];
  readonly results: { name: string; output: string; isError: boolean }[] = [];
  verdict: (callId: string) => Verdict | Promise<Verdict> = () => ({ allowed: true });
  outcome: (name: string) => ToolOutcome | Promise<ToolOutcome> = (name) => ({
    output: `${name} done`,
    isError: false,
  });
  readonly controller = new AbortController();
  #seq = 100;
  #ids = 0;
  readonly #replies: (readonly Part[])[];

  constructor(...replies: (readonly Part[])[]) {
    this.#replies = replies;
  }

  loop(parts: Partial<LoopParts> = {}): ModelLoop {
    return new ModelLoop({
      model: { step: (request) => Promise.resolve(this.#answer(request)) },
      tools: this.#tools(),
      settings: () => ({ maxSteps: 20, maxTurnMs: 60_000, maxResultBytes: 10_000, compactAt: 0.8 }),
      facts: { contextTokens: undefined },
      brief: () => Promise.resolve({ system: 'Be good.', tools: SPECS }),
      newId: () => `id${(this.#ids += 1)}`,
      ...parts,
    });
  }

  run(loop = this.loop(), input: Partial<TurnInput> = {}): Promise<StepReply> {
    const turn: TurnInput = {
      sessionId: 's',
      turn: 1,
      firstStep: 1,
      activeMs: () => 0,
      model: 'm',
      workspace: '/w',
      agent: '',
      environment: {},
      messages: [prompt('do it')],
      open: [],
      apiKey: undefined,
      ...input,
    };
    return loop.runTurn(turn, this.#journal(), this.controller.signal);
  }

  #answer(request: StepRequest): StepReply {
    this.requests.push(request);
    this.happened.push('ask');
    const parts = this.#replies.length > 1 ? (this.#replies.shift() ?? []) : (this.#replies[0] ?? []);
    return { parts, usage: USAGE, reason: parts.some((part) => part.type === 'tool-call') ? 'tool-calls' : 'stop' };
  }

  #tools(): ToolPort {
    return {
      specs: () => SPECS,
      prepare: (_place, name, args) => {
        if (args === 'bad') return Promise.reject(new ToolRefusal(`${name}: the arguments are not JSON`));
        const effect = SPECS.find((spec) => spec.name === name)?.effect ?? 'read';
        const prepared: PreparedCall = {
          name,
          effect,
          title: name,
          detail: '',
          paths: [],
          outside: [],
          command: '',
          dangers: [],
          ticket: args,
        };
        return Promise.resolve(prepared);
      },
      run: async (_place, { name, ticket }) => {
        this.happened.push(`run ${name} ${String(ticket)}`);
        const outcome = await this.outcome(name);
        this.happened.push(`ran ${name} ${String(ticket)}`);
        return outcome;
      },
      background: () => [],
      endBackground: () => Promise.resolve(),
      endSurvivors: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
  }

  #journal(): TurnJournal {
    const message = (role: Message['role'], parts: readonly Part[]): Message => ({
      seq: (this.#seq += 1),
      turn: 1,
      role,
      parts: [...parts],
      at: '',
    });
    return {
      text: () => undefined,
      reasoning: () => undefined,
      step: (parts) => {
        this.happened.push('reply');
        return Promise.resolve(message('assistant', parts));
      },
      approve: async (_call, callId) => await this.verdict(callId),
      begin: ({ name }) => {
        this.happened.push(`begin ${name}`);
        return Promise.resolve();
      },
      sink: () => ({
        live: () => undefined,
        keep: () => Promise.resolve(),
        started: () => Promise.resolve(),
        ended: () => undefined,
      }),
      result: (part) => {
        this.happened.push(`result ${part.name}`);
        this.results.push({ name: part.name, output: part.output, isError: part.isError });
        return Promise.resolve(message('tool', [part]));
      },
      summary: (summary) => {
        this.summaries.push(summary);
        return Promise.resolve();
      },
    };
  }
}

describe('a turn with tools', () => {
  test('writes down the reply, then the intent, then acts, then writes down the result, and asks again', async () => {
    const stage = new Stage([call('write', '{"a":1}')], [says('done')]);
    const outcome = await stage.run();
    expect(outcome.parts).toEqual([says('done')]);
    expect(stage.happened).toEqual([
      'ask',
      'reply',
      'begin write',
      'run write {"a":1}',
      'ran write {"a":1}',
      'result write',
      'ask',
    ]);
  });

  test('sends the model its calls and their results, the instructions and the tools', async () => {
    const stage = new Stage([call('read')], [says('done')]);
    await stage.run();
    const second = stage.requests[1];
    expect(second?.system).toBe('Be good.');
    expect(second?.tools).toBe(SPECS);
    expect(second?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool']);
    const [sent] = second?.messages[1]?.parts ?? [];
    const [answered] = second?.messages[2]?.parts ?? [];
    expect(sent).toMatchObject({ type: 'tool-call', callId: 'id1' });
    expect(answered).toMatchObject({ type: 'tool-result', callId: 'id1', output: 'read done' });
  });

  test('reads side by side, and changes things one after the other in the order of the calls', async () => {
    const stage = new Stage(
      [call('read', '1'), call('grep', '2'), call('write', '3'), call('bash', '4'), call('read', '5')],
      [says('done')],
    );
    stage.outcome = async (name) => {
      await new Promise((resolve) => setImmediate(resolve));
      return { output: name, isError: false };
    };
    await stage.run();
    const order = stage.happened.filter((line) => /^(run|ran) /.test(line));
    expect(order.slice(0, 2)).toEqual(['run read 1', 'run grep 2']);
    expect(order.slice(4)).toEqual([
      'run write 3',
      'ran write 3',
      'run bash 4',
      'ran bash 4',
      'run read 5',
      'ran read 5',
    ]);
    expect(stage.results.map(({ name }) => name)).toEqual(['read', 'grep', 'write', 'bash', 'read']);
  });

  test('answers arguments that are no JSON, and tools that do not exist, to the model', async () => {
    const stage = new Stage([call('write', 'bad'), call('teleport')], [says('done')]);
    await stage.run();
    expect(stage.results).toEqual([
      { name: 'write', output: 'write: the arguments are not JSON', isError: true },
      { name: 'teleport', output: 'There is no tool teleport. The tools are: read, grep, write, bash.', isError: true },
    ]);
    expect(stage.happened).not.toContain('begin write');
  });

  test('tells the model why a call was rejected, and does not begin it', async () => {
    const stage = new Stage([call('bash')], [says('done')]);
    stage.verdict = () => ({ allowed: false, reason: 'Not now.' });
    await stage.run();
    expect(stage.results).toEqual([{ name: 'bash', output: 'Not now.', isError: true }]);
    expect(stage.happened).not.toContain('begin bash');
  });

  test('gives a call that has begun a result even when the thread that did it is lost', async () => {
    const stage = new Stage([call('bash')], [says('done')]);
    stage.outcome = () => Promise.reject(new ProtocolError('INTERNAL', 'the tools stopped'));
    await stage.run();
    expect(stage.results[0]?.output).toContain('How far it came is not known');
  });

  test('goes on in the middle of a step with the calls that nothing has happened to', async () => {
    const stage = new Stage([says('done')]);
    const reply: Message = { seq: 2, turn: 1, role: 'assistant', parts: [call('write', '7')], at: '' };
    await stage.run(stage.loop(), { messages: [prompt('do it'), reply], open: [call('write', '7')], firstStep: 2 });
    expect(stage.happened).toEqual(['begin write', 'run write 7', 'ran write 7', 'result write', 'ask']);
  });

  test('ends after an abort with the results of what had begun and without those of the others', async () => {
    const stage = new Stage([call('write', '1'), call('write', '2')], [says('done')]);
    stage.outcome = (name) => {
      stage.controller.abort(new Error('cancelled'));
      return { output: name, isError: false };
    };
    await expect(stage.run()).rejects.toThrow('cancelled');
    expect(stage.happened.filter((line) => line === 'result write')).toHaveLength(1);
  });
});

describe('a turn that does not come to an end', () => {
  const endless = (vary: boolean) => {
    let count = 0;
    const stage = new Stage([call('read')]);
    stage.outcome = () => ({ output: vary ? `${(count += 1)}` : 'same', isError: false });
    return stage;
  };

  test('fails after the steps that it may take, with what lets it go on', async () => {
    const stage = endless(true);
    await expect(stage.run()).rejects.toMatchObject({
      kind: 'LIMIT_REACHED',
      message: 'the turn has taken 20 steps, which is the limit',
      hint: '/continue lets it go on from here; max_steps in the configuration changes the limit.',
    });
    expect(stage.requests).toHaveLength(20);
  });

  test('fails after the time that it may take', async () => {
    const stage = endless(true);
    let worked = 0;
    await expect(stage.run(stage.loop(), { activeMs: () => (worked += 10_000) })).rejects.toThrow('1 minutes');
    expect(stage.requests.length).toBeLessThan(8);
  });

  test('fails after the bytes that tools may give its model', async () => {
    const stage = endless(true);
    stage.outcome = () => ({ output: `${Math.random()}${'x'.repeat(3_000)}`, isError: false });
    await expect(stage.run()).rejects.toMatchObject({ kind: 'LIMIT_REACHED', hint: /max_result_megabytes/ });
    expect(stage.requests).toHaveLength(4);
  });

  test('is warned when it repeats itself, and fails when it goes on', async () => {
    const stage = endless(false);
    await expect(stage.run()).rejects.toThrow('the same call with the same result 6 times in a row');
    const warned = stage.requests.filter(({ messages }) =>
      JSON.stringify(messages.at(-1)).includes('Do something else'),
    );
    expect(warned.length).toBeGreaterThan(0);
    expect(stage.results.every(({ output }) => output === 'same')).toBe(true);
  });

  test('repeats itself too when the same command takes another time each time', async () => {
    const stage = endless(false);
    let runs = 0;
    stage.outcome = () => ({ output: `1 failed\n[exit code 1 after ${(runs += 1)}.${runs} s]`, isError: true });
    await expect(stage.run()).rejects.toThrow('the same call with the same result 6 times in a row');
    expect(runs).toBe(6);
  });
});

describe('a conversation that nearly fills the window of its model', () => {
  const long = (seq: number, role: Message['role']): Message => ({
    seq,
    turn: 1,
    role,
    parts: [says(`${seq} ${'x'.repeat(10_000)}`)],
    at: '',
  });
  const history = Array.from({ length: 12 }, (_, at) => long(at + 1, at % 2 === 0 ? 'user' : 'assistant'));

  const small = { facts: { contextTokens: 20_000 } };
  const goOn: Message = { ...prompt('go on'), seq: 13 };

  test('goes on with a summary in the place of its beginning', async () => {
    const stage = new Stage([says('the summary')], [call('read')], [says('done')]);
    await stage.run(stage.loop(small), { messages: [...history, goOn] });
    expect(stage.summaries).toMatchObject([{ text: 'the summary', automatic: true, usage: USAGE }]);
    const [asked, ...after] = stage.requests;
    expect(asked?.messages).toHaveLength(1);
    expect(asked?.tools).toEqual([]);
    for (const { messages } of after) {
      expect(JSON.stringify(messages[0])).toContain('the summary');
      expect(messages.length).toBeLessThan(6);
    }
    expect(after[0]?.messages.at(-1)?.parts).toMatchObject([says('go on')]);
    expect(after.at(-1)?.messages.at(-1)?.role).toBe('tool');
  });

  test('is measured by what the server counts and by what the tools have brought since', async () => {
    const facts = { contextTokens: 120 };
    const counted = new Stage([call('read'), call('grep'), call('read')], [says('the summary')], [says('done')]);
    counted.outcome = () => ({ output: 'x'.repeat(600), isError: false });
    await counted.run(counted.loop({ facts }), { messages: [{ ...prompt('one'), seq: 1 }] });
    expect(counted.summaries).toHaveLength(1);
    const roomy = new Stage([call('read')], [says('done')]);
    await roomy.run(roomy.loop({ facts }), { messages: [{ ...prompt('one'), seq: 1 }] });
    expect(roomy.summaries).toEqual([]);
  });

  test('goes on as it is when its model has no words for a summary', async () => {
    const stage = new Stage([says(' ')], [says('done')]);
    await stage.run(stage.loop(small), { messages: [...history, goOn] });
    expect(stage.summaries).toEqual([]);
    expect(stage.requests.at(-1)?.messages).toHaveLength(13);
  });

  test('is sent as it is while there is room, or when nobody has said how large the window is', async () => {
    for (const contextTokens of [100_000, undefined]) {
      const stage = new Stage([call('read')], [says('done')]);
      await stage.run(stage.loop({ facts: { contextTokens } }), { messages: history });
      expect(stage.summaries).toEqual([]);
    }
  });

  test('is never cut between a reply with calls and their results', async () => {
    const stage = new Stage([says('the summary')]);
    const reply: Message = { seq: 5, turn: 1, role: 'assistant', parts: [call('read')], at: '' };
    const result = (seq: number): Message => ({
      seq,
      turn: 1,
      role: 'tool',
      parts: [{ type: 'tool-result', callId: 'x', name: 'read', output: 'y'.repeat(45_000), isError: false }],
      at: '',
    });
    const messages = [...history.slice(0, 4), reply, result(6)];
    const summary = await stage.loop().summarise({ model: 'm', messages, apiKey: undefined }, stage.controller.signal);
    expect(summary?.upTo).toBe(4);
  });
});
