"""What we lend: the catalogue of loan products."""
