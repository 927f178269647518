import { Name } from './Text';

interface ToolLinkProps {
  tool: string;
  server: string;
  href: string;
}

/** A tool, with the server that it belongs to. */
export function ToolLink({ tool, server, href }: ToolLinkProps) {
  return (
    <a class="tool-link" href={href}>
      <Name text={tool} />
      <span class="sub">
        <Name text={server} missing="unnamed server" />
      </span>
    </a>
  );
}
