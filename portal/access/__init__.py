"""Who may do what: roles as administrators change them, each change proposed, checked and decided."""
