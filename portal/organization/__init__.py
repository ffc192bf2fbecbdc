"""Who we are: branches, teams and staff."""
