"""`aura doctor`: looks at the machine and at the services, and says what to do where something is not right."""
