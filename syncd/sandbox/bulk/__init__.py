"""How does the emulated org answer bulk jobs? Bulk API 2.0 in whole, Bulk API 1.0 for CSV queries."""
