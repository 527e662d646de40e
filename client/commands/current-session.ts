/** The session that a command changes when it is given none. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { CommandContext } from './command.ts';

/**
 * Id of the session the talk is in.
 * @param what what was to be done, for the message.
 * @throws ProtocolError EMPTY when there is none yet.
 */
export function currentSession(context: Pick<CommandContext, 'talk'>, what: string): string {
  const { target } = context.talk;
  switch (target.kind) {
    case 'session':
      return target.sessionId;
    case 'save':
      throw new ProtocolError('EMPTY', `there is nothing to ${what} here: this is the save ${target.save.id}`, {
        hint: `The next prompt goes on from there. Its session is ${target.save.sessionId}.`,
      });
    case 'new':
      throw new ProtocolError('EMPTY', `there is nothing to ${what} yet`, {
        hint: 'A session begins with its first prompt; /sessions lists older ones.',
      });
  }
}
