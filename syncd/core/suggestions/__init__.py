"""What does each column of an export probably mean, and why?"""
