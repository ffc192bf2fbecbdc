"""The kit: what every screen, service and job stands on. Imports no area."""
