"""How is a mapping file read, and what may it say?"""
