"""Are a lane's frozen documents, and an operator bundle made from them, true? Imports nothing of the producer."""
