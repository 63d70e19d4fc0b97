"""What the gateway may import of the pipeline: plain data and its validation, with pydantic as the only dependency."""
