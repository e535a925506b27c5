"""The rules of Starling and its facts: pure, no I/O, no clock; ids and times are arguments."""
