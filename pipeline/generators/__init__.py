"""The text-to-video model families: one module each."""

import os

# diffusers and transformers warn about optional dependencies that this project does not use. Errors are still raised.
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
