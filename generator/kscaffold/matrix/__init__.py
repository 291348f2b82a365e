"""Projects of a template's answers in combination, each rendered and checked."""
