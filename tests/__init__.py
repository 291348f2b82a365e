"""The tests of kscaffold."""
