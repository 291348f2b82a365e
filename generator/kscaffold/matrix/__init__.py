"""Render and check the projects of many combinations of answers."""
