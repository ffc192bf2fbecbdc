"""Whom we serve: persons and enterprises."""
