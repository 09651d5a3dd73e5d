"""Which rows of a large export need a look, and which certainly lead to nothing?"""
