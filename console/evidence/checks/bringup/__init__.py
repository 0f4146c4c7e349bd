"""Is a host's bring-up report true to itself? Recomputed from the report alone, wherever that can be done."""
