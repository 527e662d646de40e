/** Why a session takes nothing on at the moment. */
import { ProtocolError } from '../../protocol/errors.ts';

export function running(): ProtocolError {
  return new ProtocolError('CONFLICT', 'a turn of this session runs or waits', {
    hint: 'Wait for its end, or cancel it.',
    retryable: true,
  });
}

export function leaving(): ProtocolError {
  return new ProtocolError('DRAINING', 'the daemon is stopping', { retryable: true });
}
