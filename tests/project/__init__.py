"""Tests of `kscaffold.project`."""
