"""Tables: how they are read, what is decided, and what projects make of them."""
