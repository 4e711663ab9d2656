"""What a process costs and how exact it is, derived before anything runs."""
