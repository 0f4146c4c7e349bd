"""What this host says about itself: pure parsers of real commands' output, and thin callers."""
