"""What a Dockerfile does: its bases, the commands it runs, what each stage has, and what reaches the last one."""
