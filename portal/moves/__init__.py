"""Staff moves: another branch, team, post or level, or leaving; with what goes to whom."""
