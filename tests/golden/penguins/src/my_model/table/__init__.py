"""Tables: what their columns are, how they are read, and how a model takes them."""
