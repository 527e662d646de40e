/** Text cut where a person sees one character end and the next begin. */

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** The first characters of a text, at most `limit`; the whole text when it has no more. */
export function firstCharacters(text: string, limit: number): string {
  if (text.length <= limit) return text;
  let kept = '';
  let count = 0;
  for (const { segment } of segmenter.segment(text)) {
    if (count === limit) break;
    kept += segment;
    count += 1;
  }
  return kept;
}
