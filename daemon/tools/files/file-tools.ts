/** The tools that work on files. */
import type { ToolSettings } from '../calls.ts';
import type { Tool } from '../tool.ts';

export function fileTools(_settings: ToolSettings): readonly Tool[] {
  return [];
}
