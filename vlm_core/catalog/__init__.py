"""What is accepted where: a row for each provider and model family, and the look-up. No I/O."""
