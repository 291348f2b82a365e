"""Tests of `kscaffold.verify`."""
