"""Pixels: from any source to upright RGB pages. The only room with Pillow and pdfium."""
