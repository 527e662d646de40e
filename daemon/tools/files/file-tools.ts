/** The tools that work on files. */
import type { ToolSettings } from '../calls.ts';
import type { Tool } from '../tool.ts';
import { EditTool } from './edit.ts';
import { GlobTool } from './glob.ts';
import { GrepTool } from './grep.ts';
import { ListTool } from './list.ts';
import { Places } from './places.ts';
import { ReadTool } from './read.ts';
import { SeenFiles } from './seen-files.ts';
import { WriteTool } from './write.ts';

export function fileTools(settings: ToolSettings): readonly Tool[] {
  const places = new Places(settings);
  const seen = new SeenFiles();
  return [
    new ReadTool(places, seen),
    new WriteTool(places, seen),
    new EditTool(places, seen),
    new ListTool(places),
    new GlobTool(places),
    new GrepTool(places),
  ];
}
