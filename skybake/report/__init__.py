"""The comparison pages and tables of a bake-off."""
