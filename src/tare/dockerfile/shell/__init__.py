"""The shell's lines in RUN, CMD and ENTRYPOINT: split into simple commands, never run and never fully understood."""
