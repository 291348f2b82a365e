"""Tests of `kscaffold.template`."""
