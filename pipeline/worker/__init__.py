"""The dispatcher: claims jobs, renders them, publishes their videos. It uses rows and the flow, not Ray."""
