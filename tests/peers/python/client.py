"""Calls tools of an MCP server with the official Python SDK, as told on the command line, and prints what came back.

usage: client.py URL MODE NAME VERSION USER CALLS
  MODE   legacy, auto, or a protocol version such as 2026-07-28
  CALLS  JSON: [[tool, arguments], ...]
prints JSON: {"protocol": ..., "results": ["ok" | "tool_error" | error code, ...]}
"""

import asyncio
import json
import sys

import httpx2
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import Implementation


async def main(url, mode, name, version, user, calls):
    results = []
    async with httpx2.AsyncClient(headers={"x-user": user}, timeout=60) as http:
        transport = streamable_http_client(url, http_client=http)
        identity = Implementation(name=name, version=version)
        async with Client(transport, mode=mode, client_info=identity) as client:
            await client.list_tools()
            for tool, arguments in json.loads(calls):
                try:
                    result = await client.call_tool(tool, arguments)
                    results.append("tool_error" if result.is_error else "ok")
                except MCPError as error:
                    results.append(error.error.code)
            protocol = client.protocol_version
    print(json.dumps({"protocol": protocol, "results": results}))


asyncio.run(main(*sys.argv[1:]))
