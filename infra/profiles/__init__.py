"""The composition roots: which adapter stands behind which port, for each profile."""
