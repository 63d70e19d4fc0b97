"""Stages that sleep instead of computing and inject the faults that the prompt names. Their videos are real files."""
