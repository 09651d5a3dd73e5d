"""A local Salesforce org: HTTP on the outside, SQLite within; shares no code with the client side of syncd."""
