/** Events as frames: encoded once, sent to many. */
import { EVENT_NOTIFICATION, type EphemeralEventType, type EventData } from '../../protocol/event.ts';
import { encodeFrame } from '../../protocol/frame.ts';
import type { StoredEntry } from './ports.ts';
import { isoTime } from './present.ts';

/** The part of an event that every event of a session shares. */
export interface EventOrigin {
  readonly sessionId: string;
  readonly generation: string;
}

/** A durable event. The body is JSON already and is not parsed. */
export function durableFrame(origin: EventOrigin, entry: StoredEntry): Buffer {
  return frame(origin, entry.seq, entry.type, entry.turn, entry.at, entry.body);
}

export function ephemeralFrame<T extends EphemeralEventType>(
  origin: EventOrigin,
  event: {
    readonly seq: number;
    readonly type: T;
    readonly turn: number;
    readonly at: number;
    readonly data: EventData<T>;
  },
): Buffer {
  return frame(origin, event.seq, event.type, event.turn, event.at, JSON.stringify(event.data));
}

function frame(origin: EventOrigin, seq: number, type: string, turn: number, at: number, body: string): Buffer {
  const { sessionId, generation } = origin;
  return encodeFrame(
    `{"jsonrpc":"2.0","method":"${EVENT_NOTIFICATION}","params":{"sessionId":"${sessionId}","generation":"${generation}",` +
      `"seq":${seq},"type":"${type}","turn":${turn},"at":"${isoTime(at)}","data":${body}}}`,
  );
}
