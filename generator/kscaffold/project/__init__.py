"""What becomes of a template: answers, a rendered and formatted tree, the record."""
