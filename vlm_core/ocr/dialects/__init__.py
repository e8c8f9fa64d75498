"""What a vision model is asked to read a page, and how its answer becomes text: a file for each family."""
