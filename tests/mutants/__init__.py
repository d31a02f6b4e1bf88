"""Small faults put into the code one at a time, each with its meaning to a user: a test must notice every one."""
