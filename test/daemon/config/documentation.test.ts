import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { effectiveValues } from '../../../daemon/config/effective.ts';
import { PROVIDER_TYPES } from '../../../daemon/config/provider-types.ts';
import { settingNames } from '../../../daemon/config/settings.ts';
import { DEFAULT_CONFIGURATION, validate } from '../../../daemon/config/validate.ts';

const page = await readFile(new URL('../../../docs/CONFIGURATION.md', import.meta.url), 'utf8');
const example = /```toml\n(.*?)```/s.exec(page)?.[1] ?? '';

/** The default that the page gives for a key. */
function documentedDefault(key: string): string | undefined {
  return new RegExp(`^\\| \`${key}\` \\| \`?([^|\`]*)\`? \\|`, 'm').exec(page)?.[1]?.trim();
}

describe('the page about the configuration', () => {
  test('shows a whole file without an error', () => {
    const { problems, configuration } = validate(example);
    expect(problems).toEqual([]);
    expect(configuration.providers.get('local')?.headers).toEqual({ 'X-Title': 'm' });
  });

  test('shows one provider of each type, all without an error', () => {
    const examples = [...page.matchAll(/```toml\n(.*?)```/gs)].map((found) => validate(found[1] ?? ''));
    expect(examples.flatMap((one) => one.problems)).toEqual([]);
    const shown = examples.slice(1).flatMap((one) => [...one.configuration.providers.values()]);
    expect(shown.map((provider) => provider.type)).toEqual(PROVIDER_TYPES);
    for (const { baseUrl, apiKeyEnv } of shown)
      for (const words of [baseUrl, apiKeyEnv]) expect(page).toContain(`${words}`);
  });

  test('explains every setting', () => {
    const names = [...settingNames([]), ...settingNames(['providers', 'x']), ...settingNames(['models', 'x'])];
    for (const name of names) {
      if (name === 'providers' || name === 'models' || name === 'headers') continue;
      expect(documentedDefault(name), name).toBeDefined();
      expect(example, name).toContain(name);
    }
  });

  test('gives the defaults that are in effect', () => {
    for (const [key, value] of Object.entries(effectiveValues(DEFAULT_CONFIGURATION)))
      expect(documentedDefault(key)).toBe(value);
    const { configuration } = validate('[providers.x]\nbase_url = "http://x"');
    const { 'providers.x.base_url': _, 'providers.x.models': models, ...rest } = effectiveValues(configuration);
    expect(models).toBe('');
    for (const [key, value] of Object.entries(rest)) {
      if (key.startsWith('providers.')) expect(documentedDefault(key.split('.')[2] ?? ''), key).toBe(value);
    }
  });
});
