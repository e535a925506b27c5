"""The API against its own document: whatever is sent, answers are what the document says."""
