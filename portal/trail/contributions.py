"""What the trail adds to search and home pages: nothing yet."""
