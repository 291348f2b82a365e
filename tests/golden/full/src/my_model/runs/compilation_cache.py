"""Keep compiled programs on disk, so that the next run starts faster."""

import os
from typing import Any

import jax
import platformdirs


def enable_compilation_cache() -> None:
    """Keep compiled programs in the user's cache folder, unless JAX has one already."""
    settings: Any = jax.config
    if settings.jax_compilation_cache_dir is None:
        folder = platformdirs.user_cache_path("my_model") / "jax"
        settings.update("jax_compilation_cache_dir", str(folder))
    # By default JAX keeps only what takes a second; small programs add up to more.
    if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
        settings.update("jax_persistent_cache_min_compile_time_secs", 0)
