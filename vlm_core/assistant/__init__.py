"""Questions about images, asked by a program's user or by an agent that runs unwatched."""
