"""From scattered pieces of text to reading order: geometry alone, for scans and for PDFs."""
