"""What is said about a run after its bundle is closed. Each document cites the bundle; none changes it."""
