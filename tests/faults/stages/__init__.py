"""Stages that sleep instead of computing, and do what the prompt tells them; real videos come out all the same."""
