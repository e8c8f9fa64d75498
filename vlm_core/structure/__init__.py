"""What stands on a page: blocks and tables, their Markdown and HTML in and out, and chunks. Pure."""
