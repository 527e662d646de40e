/** Loads the configuration: file to settings, with everything that is wrong in words. */
import type { Configuration } from './configuration.ts';
import { readConfigurationFile } from './file.ts';
import { describeProblem, type ConfigurationProblem } from './problem.ts';
import { DEFAULT_CONFIGURATION, validate, type TomlTree } from './validate.ts';

export interface LoadedConfiguration {
  readonly path: string;
  /** The defaults when the file is missing or has problems. */
  readonly configuration: Configuration;
  /** One line each: file, line, key, what is wrong, what to do. */
  readonly problems: readonly string[];
  /** The same, in parts. */
  readonly details: readonly ConfigurationProblem[];
  /** What the file itself says. */
  readonly tree: TomlTree;
  /** The text of the file; empty when it is missing or cannot be read. */
  readonly text: string;
}

/** Reads and checks the configuration file. A missing file is the default configuration. Never rejects. */
export async function loadConfiguration(path: string): Promise<LoadedConfiguration> {
  const content = await readConfigurationFile(path);
  if (content.state === 'unusable') return loaded(path, '', DEFAULT_CONFIGURATION, [content.problem], {});
  if (content.state === 'absent') return loaded(path, '', DEFAULT_CONFIGURATION, [], {});
  const { configuration, problems, tree } = validate(content.text);
  return loaded(path, content.text, configuration, problems, tree);
}

function loaded(
  path: string,
  text: string,
  configuration: Configuration,
  details: readonly ConfigurationProblem[],
  tree: TomlTree,
): LoadedConfiguration {
  const problems = details.map((problem) => describeProblem(path, problem));
  return { path, configuration, problems, details, tree, text };
}
