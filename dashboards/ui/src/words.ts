/** Names that the collector gives to reasons, as words: `not_mcp` is `not MCP`. */
const ACRONYMS = new Set(['mcp', 'tls', 'id', 'ca']);

export function words(name: string): string {
  return name
    .split('_')
    .map((word) => (ACRONYMS.has(word) ? word.toUpperCase() : word))
    .join(' ');
}
