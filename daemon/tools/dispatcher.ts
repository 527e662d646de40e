/** Takes calls in the tools thread to the tool that does them, and their ends back. */
import { ToolRefusal, type PreparedCall, type ToolOutcome, type ToolPlace } from '../services/tool-port.ts';
import { TurnStop, isLeaving } from '../services/turn-stop.ts';
import type { Notice, Request } from './calls.ts';
import type { Commands } from './commands/commands.ts';
import { systemReason } from './failure-text.ts';
import { RunSinks } from './run-sinks.ts';
import type { Tool } from './tool.ts';

export class Dispatcher {
  readonly #tools: ReadonlyMap<string, Tool>;
  readonly #commands: Commands;
  readonly #post: (notice: Notice) => void;
  readonly #sinks: RunSinks;
  readonly #runs = new Map<number, AbortController>();

  constructor(files: readonly Tool[], commands: Commands, post: (notice: Notice) => void) {
    this.#tools = new Map([...files, ...commands.tools()].map((tool) => [tool.spec.name, tool]));
    this.#commands = commands;
    this.#post = post;
    this.#sinks = new RunSinks(post);
  }

  take(request: Request): void {
    switch (request.kind) {
      case 'abort':
        this.#runs.get(request.run)?.abort(new TurnStop(request.why));
        return;
      case 'done':
        this.#sinks.done(request.ack, request.error);
        return;
      case 'ping':
        this.#post({ kind: 'answer', id: request.id, value: undefined });
        return;
      case 'prepare':
        void this.#answer(request.id, () => this.#prepare(request.place, request.name, request.args));
        return;
      case 'run':
        void this.#answer(request.id, () => this.#run(request.id, request.place, request.call));
        return;
      case 'end-background':
        void this.#answer(request.id, () => this.#commands.endBackground(request.sessionId));
        return;
      case 'end-survivors':
        void this.#answer(request.id, () => this.#commands.endSurvivors(request.records));
        return;
    }
  }

  async #answer(id: number, work: () => Promise<unknown>): Promise<void> {
    try {
      this.#post({ kind: 'answer', id, value: await work() });
    } catch (error) {
      if (error instanceof ToolRefusal) this.#post({ kind: 'refused', id, message: error.message });
      else this.#post({ kind: 'failed', id, stack: stackOf(error) });
    }
  }

  async #prepare(place: ToolPlace, name: string, args: string): Promise<PreparedCall> {
    const tool = this.#toolNamed(name);
    const parsed = parseJson(name, args);
    try {
      return await tool.prepare(place, parsed);
    } catch (error) {
      const reason = systemReason(error);
      if (reason === undefined) throw error;
      throw new ToolRefusal(`${name}: ${reason}`, { cause: error });
    }
  }

  async #run(id: number, place: ToolPlace, call: PreparedCall): Promise<ToolOutcome> {
    const controller = new AbortController();
    this.#runs.set(id, controller);
    try {
      return await this.#toolNamed(call.name).run(place, call, this.#sinks.open(id), controller.signal);
    } catch (error) {
      const cancelled = controller.signal.aborted && error === controller.signal.reason;
      const why = isLeaving(controller.signal) ? 'ended because m stops' : 'cancelled';
      const output = cancelled ? `${call.name}: ${why}; nothing was changed` : this.#whyItFailed(call.name, error);
      return { output, isError: true };
    } finally {
      this.#runs.delete(id);
    }
  }

  #whyItFailed(name: string, error: unknown): string {
    if (error instanceof ToolRefusal) return error.message;
    const reason = systemReason(error);
    if (reason !== undefined) return `${name}: ${reason}`;
    this.#post({ kind: 'unexpected', name, stack: stackOf(error) });
    return `${name} failed for a reason that it does not know; what it was to do may have been done in part`;
  }

  #toolNamed(name: string): Tool {
    const tool = this.#tools.get(name);
    if (tool !== undefined) return tool;
    throw new ToolRefusal(`there is no tool named ${name}; there are ${[...this.#tools.keys()].join(', ')}`);
  }
}

function parseJson(name: string, args: string): unknown {
  if (args.trim() === '') return {};
  try {
    return JSON.parse(args);
  } catch (error) {
    const reason = error instanceof Error ? error.message : '';
    throw new ToolRefusal(`the arguments of ${name} are not valid JSON: ${reason}`, { cause: error });
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.name) : typeof error;
}
