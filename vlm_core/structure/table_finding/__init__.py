"""Tables out of words with boxes and ruling lines: where they are, and their cells. Geometry alone."""
