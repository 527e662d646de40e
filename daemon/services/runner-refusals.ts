/** Why a session takes nothing on at the moment. */
import { ProtocolError } from '../../protocol/errors.ts';

export function running(): ProtocolError {
  return new ProtocolError('CONFLICT', 'a turn of this session runs or waits', {
    hint: 'Wait for its end, or cancel it.',
    retryable: true,
  });
}

export function occupied(): ProtocolError {
  return new ProtocolError('CONFLICT', 'files of this session are being brought back, or it is being summed up', {
    hint: 'Wait until that is done.',
    retryable: true,
  });
}

export function leaving(): ProtocolError {
  return new ProtocolError('DRAINING', 'the daemon is stopping', { retryable: true });
}

export function missingKey(provider: string, variable: string): ProtocolError {
  return new ProtocolError('PROVIDER_KEY_MISSING', `there is no API key for the provider ${provider}`, {
    hint: `Set ${variable} in the environment of m, or store the key: mctl config set-key ${provider}`,
  });
}
