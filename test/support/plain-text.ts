/** Looks for texts in files, in every form in which a text may have been written down by mistake. */
import { lstatSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Every file and directory below a directory, itself included. */
export function everythingBelow(directory: string): string[] {
  const inside = readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? everythingBelow(path) : [path];
  });
  return [directory, ...inside];
}

/** The forms of a text: UTF-8 and UTF-16, as they are, in hexadecimal, and in base64 wherever it begins. */
export function formsOf(text: string): Buffer[] {
  const bytes = ['utf8', 'utf16le'].map((encoding) => Buffer.from(text, encoding as BufferEncoding));
  const bigEndian = Buffer.from(bytes[1] ?? []).swap16();
  const plain = [...bytes, bigEndian];
  const coded = plain.flatMap((form) => {
    const hex = form.toString('hex');
    return [hex, hex.toUpperCase(), ...base64Of(form)];
  });
  const lower = text.toLowerCase();
  return [...plain, ...(lower === text ? [] : [Buffer.from(lower)]), ...coded.map((form) => Buffer.from(form))];
}

/** The part of a base64 form that does not depend on what stands before and after, for each of the three beginnings. */
function base64Of(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((before) => {
    const coded = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    const stable = coded.slice(before === 0 ? 0 : before + 1, -1);
    return [...new Set([stable, stable.replaceAll('+', '-').replaceAll('/', '_')])];
  });
}

/** @returns which of the texts are in which of the files, one sentence each. */
export function findTexts(files: readonly string[], texts: Readonly<Record<string, string>>): string[] {
  const wanted = Object.entries(texts).map(([name, text]) => ({ name, forms: formsOf(text) }));
  return files.filter(isFile).flatMap((file) => {
    const content = Buffer.concat([Buffer.from(file), readFileSync(file)]);
    return wanted
      .filter(({ forms }) => forms.some((form) => content.includes(form)))
      .map(({ name }) => `the ${name} is in ${file}`);
  });
}

/** @returns what others than the owner could open, one sentence each. */
export function openToOthers(paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    const found = lstatSync(path, { throwIfNoEntry: false });
    if (found === undefined) return [];
    const mode = found.mode & 0o777;
    return mode === (found.isDirectory() ? 0o700 : 0o600) ? [] : [`${path} has mode ${mode.toString(8)}`];
  });
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
