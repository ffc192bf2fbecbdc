"""Where we work: the grid of territories, each with its customer manager."""
