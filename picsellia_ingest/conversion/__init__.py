"""From one format to another, and whether two datasets hold the same."""
