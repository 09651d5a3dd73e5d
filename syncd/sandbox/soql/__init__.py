"""SOQL: text to tree, tree to SQL, rows to JSON."""
