/** What a turn costs beside the time that its model takes. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '../../../client/connection/api.ts';
import type { SessionEvent } from '../../../protocol/event.ts';
import { limitFigure, type Row } from '../support/figures.ts';
import { makeDirectory } from '../support/places.ts';
import { Product } from '../support/product.ts';
import { timeOnce } from '../support/rounds.ts';
import { newId } from '../support/workload.ts';

const PIECES = 21;
const PAUSE_MS = 10;
const PROMPT = `count to ${PIECES - 1} every ${PAUSE_MS} ms`;
const ROUNDS = 15;
const LIMIT_MS = 50;

export const turnRow: Row = {
  name: 'turn',
  title: 'What a turn costs beside its model',
  method:
    `demo/offline is asked to \`${PROMPT}\` in an attached session; the time runs from the submission until the turn’s end is delivered. ` +
    `Taken away are the pauses of the model, ${PIECES} timers of ${PAUSE_MS} ms, as a process without a daemon measures them in the same rounds.`,
  run: async () => {
    const product = await Product.start(join(makeDirectory(), 'data'));
    const client = await product.typedClient();
    try {
      const overheads: number[] = [];
      const session = await OpenSession.begin(client);
      for (let round = 0; round < ROUNDS; round += 1) {
        const model = await timeOnce(pauses);
        overheads.push((await timeOnce(() => session.turn())) - model);
      }
      return [limitFigure('a turn, over its model’s time', overheads, { unit: 'ms', limit: LIMIT_MS })];
    } finally {
      await client.close();
      await product.stop();
    }
  },
};

async function pauses(): Promise<void> {
  for (let piece = 0; piece < PIECES; piece += 1) await sleep(PAUSE_MS);
}

class OpenSession {
  readonly #client: Client;
  readonly #sessionId: string;
  #onEnd: (() => void) | undefined;

  private constructor(client: Client, sessionId: string) {
    this.#client = client;
    this.#sessionId = sessionId;
  }

  /** A session with one turn behind it. */
  static async begin(client: Client): Promise<OpenSession> {
    const { sessionId } = await client.call('turn/submit', {
      opId: newId(),
      target: { kind: 'new', workspace: '/work' },
      prompt: [{ type: 'text', text: PROMPT }],
    });
    const session = new OpenSession(client, sessionId);
    await client.attach(sessionId, {
      opened: () => undefined,
      resumed: () => undefined,
      event: (event) => {
        session.#take(event);
      },
      ended: () => undefined,
    });
    await session.#ended();
    return session;
  }

  async turn(): Promise<void> {
    const ended = this.#ended();
    const target = { kind: 'session', sessionId: this.#sessionId } as const;
    await this.#client.call('turn/submit', { opId: newId(), target, prompt: [{ type: 'text', text: PROMPT }] });
    await ended;
  }

  #ended(): Promise<void> {
    return new Promise((resolve) => {
      this.#onEnd = resolve;
    });
  }

  #take(event: SessionEvent): void {
    if (event.type === 'turn' && event.data.state === 'completed') this.#onEnd?.();
  }
}
