"""Tests of `kscaffold.write`."""
