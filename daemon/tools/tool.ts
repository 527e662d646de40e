/** What a tool is inside the tools thread. */
import type { PreparedCall, ToolOutcome, ToolPlace, ToolSink, ToolSpec } from '../services/tool-port.ts';

export interface Tool {
  readonly spec: ToolSpec;
  /**
   * Looks at what a call would do; changes nothing.
   * @param args parsed JSON, of any shape.
   * @throws ToolRefusal with words that a model can act on.
   */
  prepare(place: ToolPlace, args: unknown): Promise<PreparedCall>;
  /**
   * Does what was prepared, and nothing else.
   * @param call as `prepare` returned it, copied.
   * @param signal after it, the tool ends what it started and says in its outcome how far it came.
   * @throws ToolRefusal when what was prepared is no longer there, and the signal's reason when nothing was changed before
   *   the abort; whoever calls makes an outcome of either.
   */
  run(place: ToolPlace, call: PreparedCall, sink: ToolSink, signal: AbortSignal): Promise<ToolOutcome>;
}
