"""The coordinator's hands: one file per thing done, each ending in records. Deciding happens elsewhere."""
