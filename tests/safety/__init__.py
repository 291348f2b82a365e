"""Tests of `kscaffold.safety`."""
