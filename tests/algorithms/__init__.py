"""Tests of the training algorithms that a project can be generated with."""
