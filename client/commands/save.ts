/** `/save`: mark the current point of the conversation under a name. */
import { count } from '../command-line/wording.ts';
import { ProtocolError } from '../../protocol/errors.ts';
import type { Command } from './command.ts';

export const save: Command = {
  name: 'save',
  aliases: ['s'],
  takes: '[name]',
  summary: 'mark this point of the conversation, to come back to it',
  async run({ client, talk, print }, argument) {
    const { target } = talk;
    if (target.kind === 'new') {
      throw new ProtocolError('EMPTY', 'there is nothing to save yet', {
        hint: 'A session begins with its first prompt.',
      });
    }
    if (target.kind === 'save') {
      throw new ProtocolError('EMPTY', `nothing has changed since the save ${target.save.id}`, {
        hint: 'The next prompt goes on from there.',
      });
    }
    const { save: made } = await client.call('save/create', {
      opId: client.newOpId(),
      sessionId: target.sessionId,
      ...(argument === '' ? {} : { name: argument }),
    });
    print(`session saved: ${made.id} (${count(made.messages, 'message')})`);
  },
};
