import { expect, test } from 'vitest';
import { main } from '../../../client/chat/main.ts';
import { FakeDaemon } from '../../support/fake-daemon.ts';
import { fakeSurroundings } from '../../support/fake-surroundings.ts';

async function pipe(input: string, argv: string[] = [], daemon = new FakeDaemon()) {
  const fake = fakeSurroundings(daemon, { input });
  const code = await main(argv, fake.around);
  return { code, out: fake.stdout.text, err: fake.stderr.text, daemon };
}

test('a piped conversation answers, saves and lists, and says that a key file is in use', async () => {
  const { code, out, err } = await pipe('hello\n/save first\n/sessions\n/exit\n');
  expect(out).toBe(
    [
      'You said: hello',
      'session saved: 2025-07-04_12-30_first (2 messages)',
      'saved sessions (2):',
      '  1) _autosave               2025-07-04 12:30  2 messages  demo/offline',
      '  2) 2025-07-04_12-30_first  2025-07-04 12:30  2 messages  demo/offline',
      'use /resume <id or number> to restore',
      '',
    ].join('\n'),
  );
  expect(err).toContain('demo/offline (built-in demo, no network)');
  expect(err).toContain('key file');
  expect(code).toBe(0);
});
