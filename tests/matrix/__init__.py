"""Tests of `kscaffold.matrix`."""
