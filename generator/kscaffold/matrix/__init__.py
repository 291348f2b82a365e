"""A template tried out: projects of its answers in combination, each held to what is asked."""
