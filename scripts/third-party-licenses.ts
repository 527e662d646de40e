/** The notices of the libraries whose code is in the bundle: their licences ask that copies carry them. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import * as z from 'zod/mini';
import type { Metafile } from 'esbuild';

const Manifest = z.object({ name: z.string(), version: z.string(), license: z.string() });

/**
 * Collects name, version and licence text of every package that has code in the bundle.
 * @throws Error when a package comes without a licence text.
 */
export function thirdPartyLicenses(root: string, metafile: Metafile): string {
  const notices = bundledPackages(metafile).map((directory) => notice(join(root, directory)));
  return `This product contains code of the following packages.\n\n${notices.join('\n')}`;
}

function bundledPackages(metafile: Metafile): string[] {
  const packages = new Set<string>();
  for (const output of Object.values(metafile.outputs)) {
    for (const [input, { bytesInOutput }] of Object.entries(output.inputs)) {
      const directory = /^(?:\w+:)?(.*node_modules\/(?:@[^/]+\/)?[^/]+)/.exec(input)?.[1];
      if (directory !== undefined && bytesInOutput > 0) packages.add(directory);
    }
  }
  return [...packages].sort();
}

function notice(directory: string): string {
  const manifest = Manifest.parse(JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')));
  const own = licenceTexts(directory);
  const texts = own.length > 0 ? own : textsOfScope(directory, manifest.license);
  if (texts.length === 0) {
    throw new Error(`${manifest.name} ${manifest.version} has no licence text: its code cannot be bundled`);
  }
  const title = `${manifest.name} ${manifest.version} (${manifest.license})`;
  return `${'='.repeat(80)}\n${title}\n${'='.repeat(80)}\n\n${texts.join('\n\n')}\n`;
}

/** Nothing unless a licence itself is among the texts. */
function licenceTexts(directory: string): string[] {
  const files = readdirSync(directory).filter((name) =>
    /^(licen[cs]e|copying|notice|thirdpartynotices)(\.|-|$)/i.test(name),
  );
  if (!files.some((name) => /^(licen|copying)/i.test(name))) return [];
  return files.sort().map((name) => readFileSync(join(directory, name), 'utf8').trim());
}

/** The text of a sibling: a publisher with several packages under one scope and one licence may ship it with some only. */
function textsOfScope(directory: string, license: string): string[] {
  const scope = dirname(directory);
  if (!basename(scope).startsWith('@')) return [];
  for (const name of readdirSync(scope).sort()) {
    const sibling = join(scope, name);
    const manifest = Manifest.parse(JSON.parse(readFileSync(join(sibling, 'package.json'), 'utf8')));
    const texts = manifest.license === license ? licenceTexts(sibling) : [];
    if (texts.length > 0) return texts;
  }
  return [];
}
