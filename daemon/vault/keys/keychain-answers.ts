/** What keychains say in words, as one of a closed set of answers: the library gives a single code for all of it. */

/** `DONE` is the answer to a write; the others are to any call. */
export const KEYCHAIN_ANSWERS = [
  'FOUND',
  'DONE',
  'ABSENT',
  'LOCKED',
  'DENIED',
  'AMBIGUOUS',
  'CORRUPT',
  'UNAVAILABLE',
  'TIMEOUT',
] as const;
export type KeychainAnswerKind = (typeof KEYCHAIN_ANSWERS)[number];

export interface Failure {
  readonly kind: Exclude<KeychainAnswerKind, 'FOUND' | 'DONE' | 'ABSENT'>;
  /** Part of a sentence for a person; empty when the kind says it all. */
  readonly detail: string;
}

type Rule = readonly [pattern: RegExp, kind: Failure['kind'], detail: string];

const MAX_DETAIL = 200;

/** In the words of the library and of D-Bus, which are English everywhere. */
const SECRET_SERVICE: readonly Rule[] = [
  [/matched by \d+ credentials/i, 'AMBIGUOUS', ''],
  [/did not receive a reply|\btimed? ?out\b|no ?reply/i, 'TIMEOUT', 'its service hangs, or belongs to another user'],
  [/prompt was dismissed|\blocked\b/i, 'LOCKED', ''],
  [/access ?denied|not authorized|permission denied/i, 'DENIED', ''],
  [/encoding|invalid utf-?8|longer than the platform limit|mime type|decryption failed/i, 'CORRUPT', ''],
  [/no result found/i, 'UNAVAILABLE', 'it has no default collection'],
  [/not provided by any|name has no owner/i, 'UNAVAILABLE', 'no program provides one on the message bus'],
  [/disconnected|connection (is|was) closed|broken pipe/i, 'UNAVAILABLE', 'it went away in the middle of the call'],
  [/autolaunch|failed to connect|no such file|connection refused/i, 'UNAVAILABLE', 'there is no message bus'],
];

/**
 * In the words of macOS, which speaks the language of its user: only where the number stands in the text, or the text is
 * English, is more known than that it did not work.
 */
const MACOS: readonly Rule[] = [
  [/-25308\b|interaction is not allowed/i, 'LOCKED', 'it may not ask anybody here, as over SSH'],
  [/-25315\b|interaction is required/i, 'LOCKED', 'it may not ask anybody here, as over SSH'],
  [/-128\b|user cancell?ed/i, 'DENIED', 'the question was answered with no'],
  [/-25293\b|passphrase you entered is not correct/i, 'DENIED', 'a wrong password was given'],
  [/-34018\b|required entitlement/i, 'DENIED', 'this copy of Node may not use it'],
  [/-25303\b|-25275\b|-26275\b|unable to decode/i, 'CORRUPT', ''],
  [/-25291\b|no keychain is available/i, 'UNAVAILABLE', 'this session has none'],
  [
    /-2529[45]\b|-25307\b|keychain could not be found|not a valid keychain/i,
    'UNAVAILABLE',
    'it has no default keychain',
  ],
  [/matched by \d+ credentials/i, 'AMBIGUOUS', ''],
];

/**
 * The answer that an error of the library is.
 * @param text its message.
 * @param platform as `process.platform`.
 */
export function answerOf(text: string, platform: string): Failure {
  const isMac = platform === 'darwin';
  const known = (isMac ? MACOS : SECRET_SERVICE).find(([pattern]) => pattern.test(text));
  if (known !== undefined) return { kind: known[1], detail: known[2] };
  // A Mac always has a keychain: what it says there in words that nobody knows is a refusal, not its absence.
  return { kind: isMac ? 'DENIED' : 'UNAVAILABLE', detail: text.slice(0, MAX_DETAIL) };
}
