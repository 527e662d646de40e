/** `/cost`: what this session has used, and what that cost. */
import { count } from '../command-line/wording.ts';
import type { Command } from './command.ts';
import { currentSession } from './current-session.ts';
import { requireNoArgument } from './no-argument.ts';

export const cost: Command = {
  name: 'cost',
  summary: 'tokens of this session by model, and their cost',
  async run(context, argument) {
    requireNoArgument('cost', argument, 'It is about the whole session.');
    const { client, print } = context;
    const sessionId = currentSession(context, 'count');
    const { models } = await client.call('session/usage', { sessionId });
    if (models.length === 0) {
      print('nothing used yet');
      return;
    }
    const lines = models.map(({ model, turns, inputTokens, outputTokens, cost: price }) => {
      const words = price === null ? 'no price in the configuration' : money(price);
      return `${model}: ${count(turns, 'turn')}, ${inputTokens} tokens in, ${outputTokens} out, ${words}`;
    });
    const prices = models.flatMap(({ cost: price }) => (price === null ? [] : [price]));
    const isWhole = prices.length === models.length;
    if (models.length > 1 && isWhole) lines.push(`together: ${money(prices.reduce((sum, price) => sum + price, 0))}`);
    if (!isWhole) lines.push('prices are set in config.toml: [models."provider/model"] input_price, output_price');
    print(lines.join('\n'));
  },
};

/** Small sums keep their digits. */
function money(amount: number): string {
  return amount.toFixed(amount < 1 ? 4 : 2);
}
