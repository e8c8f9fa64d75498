"""What stands on a page: blocks and tables, from where the words stand. Geometry and text alone."""
