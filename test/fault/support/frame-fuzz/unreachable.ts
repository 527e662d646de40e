/** Places of the transport that no input reaches, each with its reason. */
import type { Gap } from './block-coverage.ts';

/** What no input can reach, by the beginning of the source, with the reason. */
const UNREACHABLE: readonly (readonly [file: string, text: string, reason: string])[] = [
  ['protocol/framing.ts', '() => { isWanted = false; }', 'the library takes nothing back'],
  ['protocol/framing.ts', '(callback, ms, ...args) => {', 'the library sets no timer for this side'],
  ['protocol/framing.ts', '?? { decoder: new FrameDecoder()', 'a client begins without early input, a server never'],
  ['protocol/framing.ts', '&& !this.#socket.isPaused()', 'needs more unsent bytes than chance stalls'],
  ['protocol/framing.ts', '{ this.#socket.pause();', 'the same'],
  ['protocol/framing.ts', '() => { this.#socket.off(', 'the library does not dispose of what it listens to'],
  ['protocol/framing.ts', ": 'unreadable input'", 'the decoder throws nothing else'],
  ['protocol/framing.ts', 'end(): void', 'the library does not end what it writes to'],
  ['protocol/framing.ts', 'dispose(): void { this.#listener', 'the library does not dispose of the token of a request'],
  ['protocol/frame.ts', 'return Buffer.alloc(0);', 'for the type of an empty list'],
  ['protocol/frame.ts', 'throw this.#violation;', 'nobody reads on behind what is no frame'],
  ['protocol/frame.ts', '?? first', 'for the type of an empty list'],
  ['protocol/frame.ts', '?? Buffer.alloc(0)', 'the same'],
  ['daemon/transport/connection.ts', ': this.#channel.unsentBytes', 'asked by services that stream'],
  ['daemon/transport/router.ts', 'async settled()', 'asked when the daemon ends'],
  ['daemon/transport/router.ts', '() => { const error = deadlineError', 'takes the ten seconds of a deadline'],
  ['daemon/transport/router.ts', 'function deadlineError', 'the same'],
  [
    'daemon/transport/router.ts',
    'this.#controller.abort(this.#reason)',
    'a handler asks for its signal before it can end',
  ],
  ['daemon/transport/router.ts', 'listener(this.#reason)', 'a request is served before it can be cancelled'],
  ['daemon/transport/params.ts', "return 'the params are not valid'", 'the schema library always names an issue'],
  ['daemon/transport/params.ts', "case 'custom':", 'no schema of a method has one of these'],
  ['daemon/transport/params.ts', "case 'invalid_element':", 'the same'],
  ['daemon/transport/params.ts', "case 'invalid_key':", 'the same'],
  ['daemon/transport/params.ts', "case 'not_multiple_of':", 'the same'],
  ['daemon/transport/socket-server.ts', 'get count()', 'asked by the test'],
  ['daemon/transport/socket-server.ts', 'async closeAll()', 'asked when the daemon ends'],
  ['daemon/transport/greeter.ts', 'return;', 'guards against a timer that was cleared too late, and for a type'],
  ['daemon/transport/greeter.ts', ": 'unreadable input'", 'the decoder throws nothing else'],
];

export function isUnreachable({ file, text }: Gap): boolean {
  return UNREACHABLE.some(([where, beginning]) => where === file && text.startsWith(beginning));
}
