"""Early warning: rules made on a screen, what they hit each day, and what is done about it (预警)."""
