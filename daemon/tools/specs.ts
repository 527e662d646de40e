/** What every tool is, for whoever offers them to a model, without the code that does them. */
import type { ToolSpec } from '../services/tool-port.ts';
import { COMMAND_SPECS } from './commands/specs.ts';
import { FILE_SPECS } from './files/specs.ts';

export const TOOL_SPECS: readonly ToolSpec[] = [...Object.values(FILE_SPECS), ...Object.values(COMMAND_SPECS)];
