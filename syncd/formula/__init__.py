"""What does a formula in Salesforce's own syntax say about one record, and what is wrong with one that says nothing?

    text -> syntax (lark) -> tree -> checking (kinds, against the fields) -> generating (Python's own tree) -> a function

Source: Salesforce Help, "Formula Operators and Functions"; https://github.com/salesforce/formula-engine for the values of
corner cases.
"""
