"""Distributed projects, and what their steps send between devices."""
