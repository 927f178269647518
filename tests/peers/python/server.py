"""An MCP server of the official Python SDK, which reports itself by OpenTelemetry if the environment says where to.

usage: server.py PORT|stdio
"""

import os
import sys

from mcp.server import MCPServer
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

if "OTEL_EXPORTER_OTLP_ENDPOINT" in os.environ:
    provider = TracerProvider(resource=Resource.create({"service.name": "python-server", "service.version": "0.7"}))
    provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)

server = MCPServer("python-server")


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers"""
    return a + b


@server.tool()
def fail() -> str:
    """Fail as a tool does"""
    raise RuntimeError("the database is away")


if sys.argv[1] == "stdio":
    server.run(transport="stdio")
else:
    server.run(transport="streamable-http", host="127.0.0.1", port=int(sys.argv[1]))
