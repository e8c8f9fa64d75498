"""The tools of an assistant for any program that speaks MCP, the Model Context Protocol."""
