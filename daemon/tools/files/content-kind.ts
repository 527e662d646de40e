/** What the content of a file is, by its first bytes. */

type Content = { readonly kind: 'text' } | { readonly kind: 'image'; readonly mediaType: string } | Binary;

interface Binary {
  readonly kind: 'binary';
  /** With its article. */
  readonly what: string;
}

const ascii = (text: string) => Buffer.from(text, 'latin1');

const IMAGES: readonly (readonly [mediaType: string, begins: Buffer])[] = [
  ['image/png', ascii('\x89PNG\r\n\x1a\n')],
  ['image/jpeg', ascii('\xff\xd8\xff')],
  ['image/gif', ascii('GIF87a')],
  ['image/gif', ascii('GIF89a')],
];

const KNOWN: readonly (readonly [what: string, begins: Buffer])[] = [
  ['a PDF document', ascii('%PDF-')],
  ['a program (ELF)', ascii('\x7fELF')],
  ['a program (Mach-O)', ascii('\xcf\xfa\xed\xfe')],
  ['a zip archive, or a document that is one', ascii('PK\x03\x04')],
  ['a gzip archive', ascii('\x1f\x8b')],
  ['a bzip2 archive', ascii('BZh')],
  ['an xz archive', ascii('\xfd7zXZ\0')],
  ['a zstd archive', ascii('\x28\xb5\x2f\xfd')],
  ['a 7-Zip archive', ascii('7z\xbc\xaf\x27\x1c')],
  ['an SQLite database', ascii('SQLite format 3\0')],
  ['a WebAssembly module', ascii('\0asm')],
  ['a Java class', ascii('\xca\xfe\xba\xbe')],
  ['UTF-16 text; convert it to UTF-8 with a command', ascii('\xff\xfe')],
  ['UTF-16 text; convert it to UTF-8 with a command', ascii('\xfe\xff')],
];

/** @param head the first bytes of the file, up to HEAD of them. */
export function contentOf(head: Buffer): Content {
  for (const [mediaType, begins] of IMAGES) if (beginsWith(head, begins)) return { kind: 'image', mediaType };
  if (beginsWith(head, ascii('RIFF')) && head.subarray(8, 12).equals(ascii('WEBP')))
    return { kind: 'image', mediaType: 'image/webp' };
  for (const [what, begins] of KNOWN) if (beginsWith(head, begins)) return { kind: 'binary', what };
  return head.includes(0) ? { kind: 'binary', what: 'binary (it holds NUL bytes)' } : { kind: 'text' };
}

function beginsWith(head: Buffer, begins: Buffer): boolean {
  return head.subarray(0, begins.length).equals(begins);
}
