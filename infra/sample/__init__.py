"""The sample of real posts and follows that a first start loads, and how it was made."""
