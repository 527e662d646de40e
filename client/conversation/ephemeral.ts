/** Tells events that are of the moment from those that are entries of the log. */
import type { EphemeralEventType, EventOf, SessionEvent } from '../../protocol/event.ts';

export type Ephemeral = EventOf<EphemeralEventType>;

const EPHEMERAL: Readonly<Record<EphemeralEventType, true>> = {
  delta: true,
  output: true,
  capture: true,
  queue: true,
  storage: true,
  presence: true,
  session: true,
  deleted: true,
};

export function isEphemeral(event: SessionEvent): event is Ephemeral {
  return Object.hasOwn(EPHEMERAL, event.type);
}
