import { expect, test } from 'vitest';
import { words } from './words';

test('reasons read as words', () => {
  for (const [name, shown] of [['not_mcp', 'not MCP'], ['full', 'full'], ['tls_client_ca', 'TLS client CA'], ['', '']] as const) {
    expect(words(name)).toBe(shown);
  }
});
