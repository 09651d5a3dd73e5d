"""Would the tests notice if the judgement of changes were a little wrong?   python -m tests.mutation"""
