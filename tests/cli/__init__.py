"""Tests of `kscaffold.cli`."""
