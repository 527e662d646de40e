import { describe, expect, test } from 'vitest';
import { answerOf } from '../../../../daemon/vault/keys/keychain-answers.ts';

const DBUS = 'Platform failure: DBus error: ';
const SERVICE = "Couldn't access platform storage: Secret Service: ";

describe('what a Secret Service says', () => {
  test.each([
    [`${DBUS}Using X11 for dbus-daemon autolaunch was disabled at compile time, set your DBUS_SESSION…`, 'UNAVAILABLE'],
    [`${DBUS}Failed to connect to socket /run/user/0/bus: No such file or directory`, 'UNAVAILABLE'],
    [`${DBUS}Failed to connect to socket /run/user/0/bus: Connection refused`, 'UNAVAILABLE'],
    [`${DBUS}The name org.freedesktop.secrets was not provided by any .service files`, 'UNAVAILABLE'],
    [`${DBUS}Message recipient disconnected from message bus without replying`, 'UNAVAILABLE'],
    [`${SERVICE}no result found`, 'UNAVAILABLE'],
    [`${SERVICE}unlock prompt was dismissed`, 'LOCKED'],
    [`${SERVICE}object locked`, 'LOCKED'],
    [
      `${DBUS}Did not receive a reply. Possible causes include: the remote application did not send a reply, the message ` +
        'bus security policy blocked the reply, the reply timeout expired, or the network connection was broken.',
      'TIMEOUT',
    ],
    ['Entry is matched by 2 credentials: [Entry { inner: Wrapper { path: Path("/org/…/login/1\\0") } }]', 'AMBIGUOUS'],
    ['Secrets must have MIME type text/plain', 'CORRUPT'],
    ['message decryption failed', 'CORRUPT'],
    [`${DBUS}Access denied`, 'DENIED'],
    ['something that no version has said so far', 'UNAVAILABLE'],
  ])('%s', (text, kind) => {
    expect(answerOf(text, 'linux').kind).toBe(kind);
  });

  test('is repeated only where it is not understood, and only its beginning', () => {
    expect(answerOf(`${DBUS}Failed to connect to socket /tmp/x: Connection refused`, 'linux').detail).toBe(
      'there is no message bus',
    );
    expect(answerOf(`strange ${'x'.repeat(1000)}`, 'linux').detail).toHaveLength(200);
  });
});

describe('what the Keychain of macOS says', () => {
  test.each([
    ['Platform failure: User interaction is not allowed.', 'LOCKED'],
    ['Platform failure: error code -25308', 'LOCKED'],
    ['Platform failure: error code -25315', 'LOCKED'],
    ['Platform failure: User canceled the operation.', 'DENIED'],
    ['Platform failure: The user name or passphrase you entered is not correct.', 'DENIED'],
    ["Platform failure: A required entitlement isn't present.", 'DENIED'],
    [
      "Couldn't access platform storage: No keychain is available. You may need to restart your computer.",
      'UNAVAILABLE',
    ],
    ["Couldn't access platform storage: The specified keychain could not be found.", 'UNAVAILABLE'],
    ['Platform failure: A default keychain could not be found.', 'UNAVAILABLE'],
    ['Platform failure: Unable to decode the provided data.', 'CORRUPT'],
    ['Platform failure: Benutzerinteraktion ist nicht erlaubt.', 'DENIED'],
  ])('%s', (text, kind) => {
    expect(answerOf(text, 'darwin').kind).toBe(kind);
  });

  test('in another language is a refusal whose words are shown, and never leads to a key file', () => {
    expect(answerOf('Platform failure: Benutzerinteraktion ist nicht erlaubt.', 'darwin').detail).toContain('Benutzer');
  });
});
