/** `mctl approvals list` */
import { inked } from '../../calls/ink-line.ts';
import { questionText } from '../../calls/question-lines.ts';
import { paintFor } from '../../command-line/style.ts';
import type { ResultOf } from '../../../protocol/methods.ts';
import type { Verb } from '../verb.ts';
import { findSession } from '../sessions/find.ts';

type Pending = ResultOf<'approval/list'>['approvals'][number];

export const list: Verb<{ readonly json?: boolean }> = async ({ context, args }) => {
  const client = await context.connectUnlocked();
  const [reference] = args;
  const sessionId = reference === undefined ? undefined : (await findSession(client, context, reference)).id;
  const { approvals } = await client.call('approval/list', sessionId === undefined ? {} : { sessionId });
  if (context.isJson) {
    context.json(approvals.map(shape));
    return;
  }
  const paint = paintFor(context.stdout, context.around.environment);
  if (approvals.length === 0) context.say('nothing waits for an answer');
  for (const pending of approvals) {
    // Whoever answers from here sees all of it: there is no way to ask for more.
    const { lines } = questionText(pending.question);
    context.stdout.line(inked(lines, paint));
    context.stdout.line(
      paint(
        'dim',
        `  turn ${pending.turn}: mctl approvals answer ${pending.sessionId} ${pending.question.callId} allow|reject`,
      ),
    );
  }
};

function shape({ sessionId, turn, question }: Pending): object {
  return { sessionId, turn, ...question };
}
