"""How are marketing-automation exports found, read row by row, and put away?"""
