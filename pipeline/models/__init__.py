"""The models: what there is (`registry`, plain data) and one loader per family."""

import os

# Their remarks on optional parts that are not installed say nothing to anyone here; errors still come as exceptions.
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
