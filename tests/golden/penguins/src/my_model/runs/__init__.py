"""The directory of a run: its files, checkpoints, plots, and the table of all runs."""
