/** What the tools are that work on files. */
import type { ToolSpec } from '../../services/tool-port.ts';

export const FILE_SPECS: Readonly<Record<string, ToolSpec>> = {};
