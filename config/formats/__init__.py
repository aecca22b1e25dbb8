"""How dates and times are written and read, per language. Named by FORMAT_MODULE_PATH."""
