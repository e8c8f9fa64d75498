"""IS IT THERE: a text held against a page, word by word."""
