"""Many exchanges, one answer."""
