"""Accounts: how people prove who they are: passwords, second factor, lock-out, sessions, API keys."""
