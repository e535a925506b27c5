"""The contract suites on the embedded profile's adapters."""
