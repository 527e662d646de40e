/** Which images of a conversation are sent: the newest, up to a bound. Without one, a few images would push out all words. */
import type { ImagePart, Message, Part } from '../../protocol/message.ts';

/** In characters as they are stored and sent; servers take about 20 MB a request. */
const MAX_IMAGES = 12 * 1024 * 1024;
const LEFT_OUT = '(An older image that stood here is left out.)';

/** Takes messages newest first. What is stored stays as it is. */
export class NewestImages {
  #room = MAX_IMAGES;

  take(message: Message): Message {
    const isPictured = message.parts.some((part) => part.type === 'image' || imagesOf(part).length > 0);
    return isPictured ? { ...message, parts: message.parts.map((part) => this.#part(part)) } : message;
  }

  #part(part: Part): Part {
    if (part.type === 'image') return this.#fits(part) ? part : { type: 'text', text: LEFT_OUT };
    if (part.type !== 'tool-result' || imagesOf(part).length === 0) return part;
    const { images = [], output } = part;
    const shown = images.filter((image) => this.#fits(image));
    return shown.length === images.length ? part : { ...part, images: shown, output: `${output}\n${LEFT_OUT}` };
  }

  #fits({ data }: ImagePart): boolean {
    this.#room -= data.length;
    return this.#room >= 0;
  }
}

/** @param messages oldest first. */
export function withNewestImages(messages: readonly Message[]): readonly Message[] {
  const newest = new NewestImages();
  return messages
    .toReversed()
    .map((message) => newest.take(message))
    .toReversed();
}

/** Characters of the images of a message. */
export function imageSize({ parts }: Message): number {
  const images = parts.flatMap((part) => (part.type === 'image' ? [part] : imagesOf(part)));
  return images.reduce((sum, { data }) => sum + data.length, 0);
}

function imagesOf(part: Part): readonly ImagePart[] {
  return part.type === 'tool-result' ? (part.images ?? []) : [];
}
