/** The configuration in effect: read at start, again when the file changes, and changed one key at a time. */
import { ProtocolError } from '../../protocol/errors.ts';
import type { Configuration } from './configuration.ts';
import { editToml, type SettingValue } from './edit.ts';
import { effectiveValues, keysOf } from './effective.ts';
import { unknownKey } from './explain.ts';
import { fileMark, replaceConfigurationFile } from './file.ts';
import { isSecretSetting, secretFinding } from './find-secrets.ts';
import { loadConfiguration, type LoadedConfiguration } from './load.ts';
import { describeProblem, type ConfigurationProblem } from './problem.ts';
import { settingAt, type SettingKind } from './settings.ts';
import { DEFAULT_CONFIGURATION, validate, type TomlTree } from './validate.ts';

/** What other parts of the daemon see of the configuration. */
export interface ConfigurationSource {
  readonly current: Configuration;
  /** What is wrong with the file, one line each. */
  readonly problems: readonly string[];
  /** False while the defaults are in effect only because the file could not be used. */
  readonly usable: boolean;
}

export class ConfigurationStore implements ConfigurationSource {
  readonly path: string;
  private values: Configuration = DEFAULT_CONFIGURATION;
  private tree: TomlTree = {};
  private listed: readonly string[] = [];
  private everGood = false;
  private mark = 'not read yet';
  private work: Promise<unknown> = Promise.resolve();

  private constructor(path: string) {
    this.path = path;
  }

  /** Reads the configuration. Never rejects: what is wrong is in `problems`. */
  static async open(path: string): Promise<ConfigurationStore> {
    const store = new ConfigurationStore(path);
    await store.reload();
    return store;
  }

  get current(): Configuration {
    return this.values;
  }

  get problems(): readonly string[] {
    return this.listed;
  }

  get usable(): boolean {
    return this.everGood;
  }

  /** Reads the file again when it is not the one that was read last. @returns whether it was read. */
  reloadIfChanged(): Promise<boolean> {
    return this.inTurn(async () => {
      if ((await fileMark(this.path)) === this.mark) return false;
      await this.read();
      return true;
    });
  }

  /** Reads the file again. A file with errors keeps the values from before and lists the errors. */
  reload(): Promise<void> {
    return this.inTurn(() => this.read());
  }

  /**
   * Writes one key to the file, or removes it (a whole table, too) with null; other lines and comments stay.
   *
   * @param key Dotted, such as `providers.local.base_url`.
   * @param value As a person writes it: text without quotes, a number, true or false, or a list with commas.
   * @throws ProtocolError CONFIG_INVALID when the key does not exist, would hold a secret, or the result would have
   * an error that the file does not have yet; STORAGE_FAILED when the file cannot be written. Nothing is written then.
   */
  set(key: string, value: string | null): Promise<void> {
    return this.inTurn(async () => {
      const path = key.split('.');
      const wanted = value === null ? null : readValue(path, value);
      const before = await loadConfiguration(this.path);
      const edited = editToml(this.editable(before), path, wanted);
      if (edited === undefined) {
        throw invalid(
          `${key} cannot be changed without touching other parts of ${this.path}.`,
          'Edit the file by hand.',
        );
      }
      if (edited === before.text) return;
      this.refuseNewProblems(before, edited);
      await replaceConfigurationFile(this.path, edited);
      await this.read();
    });
  }

  /** Every setting with the value in effect, and the keys that the file sets itself. */
  effective(): { values: Record<string, string>; set: string[] } {
    return { values: effectiveValues(this.values), set: keysOf(this.tree) };
  }

  /** The text to be edited: refuses a file that is not TOML, since a change could make it worse. */
  private editable(before: LoadedConfiguration): string {
    const unreadable = before.details.find((problem) => problem.key === '');
    if (unreadable !== undefined) {
      throw invalid(describeProblem(this.path, unreadable), 'Correct the file by hand first.');
    }
    return before.text;
  }

  private refuseNewProblems(before: LoadedConfiguration, edited: string): void {
    const old = new Set(before.details.map(withoutLine));
    const added = validate(edited).problems.find((problem) => !old.has(withoutLine(problem)));
    if (added === undefined) return;
    throw invalid(`${added.key} ${added.what}.`.trimStart(), `${added.remedy} Nothing has been written.`);
  }

  private async read(): Promise<void> {
    // Taken before reading: a change in between is then seen as one at the next look.
    this.mark = await fileMark(this.path);
    const loaded = await loadConfiguration(this.path);
    this.listed = loaded.problems;
    if (loaded.problems.length > 0) return;
    this.values = loaded.configuration;
    this.tree = loaded.tree;
    this.everGood = true;
  }

  /** One at a time: two changes at once would lose one. */
  private inTurn<T>(job: () => Promise<T>): Promise<T> {
    const result = this.work.then(job);
    this.work = result.catch(() => undefined);
    return result;
  }
}

const TRUTHS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['false', false],
]);

function readValue(path: readonly string[], value: string): SettingValue {
  const key = path.join('.');
  if (isSecretSetting(path, value)) {
    const { what } = secretFinding(path);
    const command = secretFinding(path).remedy.split(': ').at(-1) ?? '';
    throw invalid(`${key} ${what}. Nothing has been written.`, `Store the key encrypted: ${command}`);
  }
  const setting = settingAt(path);
  if (setting === undefined) {
    const { what, remedy } = unknownKey(path, false);
    throw invalid(`${key} ${what}.`, remedy);
  }
  const parsed = parseValue(setting.kind, value);
  if (parsed === undefined) throw invalid(`${key} ${setting.must}.`, 'Nothing has been written.');
  return parsed;
}

function parseValue(kind: SettingKind, value: string): SettingValue | undefined {
  if (kind === 'table' || !value.isWellFormed()) return undefined;
  if (kind === 'text') return value;
  if (kind === 'number') {
    return /^-?\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : undefined;
  }
  if (kind === 'truth') return TRUTHS.get(value.trim());
  const inner = value.trim().replace(/^\[(.*)\]$/s, '$1');
  return inner
    .split(',')
    .map((part) => part.trim().replace(/^"(.*)"$/s, '$1'))
    .filter((part) => part !== '');
}

function withoutLine(problem: ConfigurationProblem): string {
  return `${problem.key}\0${problem.what}`;
}

function invalid(message: string, hint: string): ProtocolError {
  return new ProtocolError('CONFIG_INVALID', message, { hint });
}
