"""The read side: queries over the projections, page assembly, and their HTTP app."""
