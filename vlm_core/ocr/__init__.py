"""A page to text."""
