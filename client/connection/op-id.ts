/** Names for mutations: ULIDs in the order of their making, which the index of the log is built for. */

const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const TIME_DIGITS = 10;
const RANDOM_DIGITS = 16;

/**
 * A source of fresh ULIDs, each greater than the one before, also within a millisecond and when the clock goes back.
 * Not the library that the daemon uses: that loads the cryptography module at every start of every command.
 *
 * @param now milliseconds since 1970.
 */
export function opIds(now: () => number = Date.now): () => string {
  let time = 0;
  let random = 0n;
  return () => {
    const current = now();
    if (current > time) {
      time = current;
      random = freshRandom();
    } else {
      random += 1n;
    }
    return encode(BigInt(time), TIME_DIGITS) + encode(random, RANDOM_DIGITS);
  };
}

/** 79 bits: the highest stays free, so that counting up cannot overflow. */
function freshRandom(): bigint {
  const { randomBytes } = process.getBuiltinModule('node:crypto');
  return BigInt(`0x${randomBytes(10).toString('hex')}`) >> 1n;
}

function encode(value: bigint, digits: number): string {
  let text = '';
  for (let rest = value; text.length < digits; rest >>= 5n) text = DIGITS.charAt(Number(rest & 31n)) + text;
  return text;
}
