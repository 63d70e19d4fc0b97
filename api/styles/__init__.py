"""Styles of prompts."""
