"""One module for each dashboard: its declaration and its sentence, nothing else."""
