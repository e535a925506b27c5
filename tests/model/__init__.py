"""The product as a plain program: what its views must say, from the events alone."""
