"""Tests of `kscaffold.lint`."""
