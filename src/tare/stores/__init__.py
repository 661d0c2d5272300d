"""Where an image can come from and go to: layouts, archives, daemons, registries."""
