/** Commands that go on after their call has been answered, until they end or are ended. */
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { ToolRefusal, type ToolOutcome, type ToolPlace, type ToolSink } from '../../services/tool-port.ts';
import { CappedText } from './capped-text.ts';
import { MAX_ENDED, MAX_OUTPUT, MAX_PER_SESSION, MAX_RECENT, REMEMBER_ENDED_MS } from './limits.ts';
import type { ProcessTable } from './process-table.ts';
import { RecentText } from './recent-text.ts';
import { RunningCommand, type CommandEnd, type Reason } from './running-command.ts';
import { endLines } from './wording.ts';

interface BackgroundOrder {
  readonly place: ToolPlace;
  readonly command: string;
  readonly timeoutSeconds: number | undefined;
}

interface BackgroundCommand {
  readonly id: string;
  readonly sessionId: string;
  readonly running: RunningCommand;
  readonly recent: RecentText;
  readonly startedAt: number;
  end: CommandEnd | undefined;
  endedAt: number;
}

export class BackgroundCommands {
  readonly #table: ProcessTable;
  readonly #commands = new Map<string, BackgroundCommand>();
  /** Commands that are about to be there, by session. */
  readonly #starting = new Map<string, number>();

  constructor(table: ProcessTable) {
    this.#table = table;
  }

  /** @throws ToolRefusal when there are too many; and what starting a command throws. */
  async start(
    { place, command, timeoutSeconds }: BackgroundOrder,
    sink: ToolSink,
    signal: AbortSignal,
  ): Promise<ToolOutcome> {
    this.#forgetOld();
    const { sessionId } = place;
    const starting = this.#starting.get(sessionId) ?? 0;
    const active = this.#of(sessionId).filter(({ end }) => end === undefined);
    if (active.length + starting >= MAX_PER_SESSION) {
      const ids = active.map(({ id }) => id).join(', ');
      throw new ToolRefusal(
        `bash: ${MAX_PER_SESSION} commands of this session already run in the background (${ids}); end one with bash_kill`,
      );
    }
    this.#starting.set(sessionId, starting + 1);
    try {
      const recent = new RecentText(MAX_RECENT);
      const take = (text: string) => {
        recent.add(text);
      };
      const order = { place, command, background: true, timeoutSeconds, take };
      const running = await RunningCommand.start(this.#table, order, sink, signal);
      const id = this.#idOf(place.callId);
      const entry: BackgroundCommand = {
        id,
        sessionId,
        running,
        recent,
        startedAt: performance.now(),
        end: undefined,
        endedAt: 0,
      };
      this.#commands.set(id, entry);
      void this.#watch(entry);
      return {
        output: `runs in the background as ${id}; bash_output ${id} reads it, bash_kill ${id} ends it`,
        isError: false,
      };
    } finally {
      this.#starting.set(sessionId, (this.#starting.get(sessionId) ?? 1) - 1);
    }
  }

  /** What a command printed since it was read last, and its state. @throws ToolRefusal when there is none with this id. */
  async read(sessionId: string, id: string, waitSeconds: number, signal: AbortSignal): Promise<ToolOutcome> {
    const entry = this.#find(sessionId, id);
    if (waitSeconds > 0 && entry.end === undefined) {
      const over = new AbortController();
      const both = AbortSignal.any([signal, over.signal]);
      await Promise.race([
        entry.running.ended,
        pause(waitSeconds * 1000, undefined, { signal: both }).catch(() => undefined),
      ]);
      over.abort();
    }
    return this.#report(entry);
  }

  /** Ends a command. @throws ToolRefusal when there is none with this id. */
  async kill(sessionId: string, id: string): Promise<ToolOutcome> {
    const entry = this.#find(sessionId, id);
    await this.#end(entry, 'asked');
    return this.#report(entry);
  }

  /** Ends, and forgets, what a session left running, or everything. Resolves when it is gone. */
  async endAll(sessionId: string | undefined): Promise<void> {
    const all = sessionId === undefined ? [...this.#commands.values()] : this.#of(sessionId);
    await Promise.all(all.map((entry) => this.#end(entry, sessionId === undefined ? 'daemon' : 'asked')));
    for (const { id } of all) this.#commands.delete(id);
  }

  async #end(entry: BackgroundCommand, reason: Reason): Promise<void> {
    if (entry.end !== undefined) return;
    entry.running.end(reason);
    settle(entry, await entry.running.ended);
  }

  async #watch(entry: BackgroundCommand): Promise<void> {
    settle(entry, await entry.running.ended);
    this.#forgetOld();
  }

  #report({ id, recent, end, startedAt }: BackgroundCommand): ToolOutcome {
    const { text, lost } = recent.take();
    const capped = new CappedText(MAX_OUTPUT);
    capped.add(text);
    const shown = capped.text((bytes) => `${bytes} bytes left out`).trimEnd();
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    return {
      output: [
        ...(lost > 0 ? [`[${lost} characters of older output are not kept]`] : []),
        shown === '' ? '(no new output)' : shown,
        ...(end === undefined ? [`[${id} still runs, for ${seconds} s]`] : endLines(end)),
      ].join('\n'),
      isError: false,
    };
  }

  #of(sessionId: string): BackgroundCommand[] {
    return [...this.#commands.values()].filter((entry) => entry.sessionId === sessionId);
  }

  #find(sessionId: string, id: string): BackgroundCommand {
    this.#forgetOld();
    const entry = this.#commands.get(id);
    if (entry?.sessionId === sessionId) return entry;
    const others = this.#of(sessionId).map((one) => one.id);
    const there =
      others.length === 0 ? 'there is none' : `there ${others.length === 1 ? 'is' : 'are'} ${others.join(', ')}`;
    throw new ToolRefusal(`no background command ${id} is known in this session; ${there}`);
  }

  /** Short, and the same for the same call. */
  #idOf(callId: string): string {
    const hash = createHash('sha256').update(callId).digest('hex');
    for (let length = 6; ; length += 1) {
      const id = `bg-${hash.slice(0, length)}`;
      if (!this.#commands.has(id)) return id;
    }
  }

  #forgetOld(): void {
    const now = performance.now();
    const seen = new Map<string, number>();
    for (const { id, sessionId, end, endedAt } of [...this.#commands.values()].toReversed()) {
      if (end === undefined) continue;
      const count = (seen.get(sessionId) ?? 0) + 1;
      seen.set(sessionId, count);
      if (count > MAX_ENDED || now - endedAt > REMEMBER_ENDED_MS) this.#commands.delete(id);
    }
  }
}

function settle(entry: BackgroundCommand, end: CommandEnd): void {
  if (entry.end !== undefined) return;
  entry.end = end;
  entry.endedAt = performance.now();
}
