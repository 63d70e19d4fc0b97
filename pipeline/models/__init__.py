"""The networks FILM and Real-ESRGAN, and the files of all models on disk."""
