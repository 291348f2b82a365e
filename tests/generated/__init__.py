"""Tests of generated projects."""
