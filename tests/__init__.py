"""Everything that can show Starling wrong."""
