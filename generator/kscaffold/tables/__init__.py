"""Look at a table once: how it is written, what its columns are, what can be learned from them.

`inspect_table` in `inspection.py` is the way in. Only Parquet files take more than the standard
library.
"""
