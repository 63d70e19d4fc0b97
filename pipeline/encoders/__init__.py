"""Frames to files and back: MP4 and WebM, GIF, WebP."""
