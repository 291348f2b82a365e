"""Limits on untrusted input: files, paths, text, time and memory."""
