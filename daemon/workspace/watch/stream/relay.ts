/** The watch thread where a library watches: hands questions on to a process of its own, and answers back. */
import type { MessagePort } from 'node:worker_threads';
import { answering } from '../answering.ts';
import type { WatchCall, WatchStart } from '../watch-calls.ts';
import { HelperProcess } from './helper-process.ts';
import type { Ask, HelperAnswer, HelperMessage } from './stream-calls.ts';

/**
 * Throws, and so ends the thread, when the process ends by itself.
 *
 * @param port of the thread that asks. @param script of the process.
 */
export function relay(start: WatchStart, port: MessagePort, script: string): void {
  const answer = answering(start);
  let helper = begin();
  let isReady = false;
  /** The question that the process has. */
  let asked: number | undefined;
  let replaced: Promise<unknown> = Promise.resolve();

  function begin(): HelperProcess {
    return new HelperProcess(script, start, { message: take, death });
  }

  function take(message: HelperMessage): void {
    if (message.kind === 'ready') isReady = true;
    else handOn(message);
  }

  function handOn({ question, dirt, isSpent }: HelperAnswer): void {
    if (question === asked) asked = undefined;
    answer({ question, dirt });
    if (!isSpent) return;
    if (asked !== undefined) answer({ question: asked, dirt });
    asked = undefined;
    replaced = Promise.all([replaced, helper.end()]);
    isReady = false;
    helper = begin();
  }

  function death(reason: string): void {
    if (asked !== undefined) answer({ question: asked, dirt: { kind: 'doubt', reason } });
    throw new Error(reason);
  }

  function ask(call: Ask): void {
    if (isReady) {
      asked = call.question;
      helper.send(call);
    } else answer({ question: call.question, dirt: { kind: 'doubt', reason: 'the watches are being set' } });
  }

  port.on('message', (call: WatchCall) => {
    if (call.kind === 'ask') ask(call);
    if (call.kind !== 'end') return;
    void Promise.all([replaced, helper.end()]).then(() => {
      port.close();
    });
  });
}
