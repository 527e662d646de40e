/** What the tools are that run commands. */
import type { ToolSpec } from '../../services/tool-port.ts';

export const COMMAND_SPECS: Readonly<Record<string, ToolSpec>> = {};
