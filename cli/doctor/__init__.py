"""`aura doctor`: checks the machine and the services, and prints what to do about each problem."""
