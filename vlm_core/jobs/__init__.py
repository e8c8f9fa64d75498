"""Many documents: what is read, in which order, with what becoming of each page."""
