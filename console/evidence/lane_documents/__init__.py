"""The documents that a lane freezes, and the ones that a launch makes from them. One noun per file."""
