"""From a Spec to a Video."""
