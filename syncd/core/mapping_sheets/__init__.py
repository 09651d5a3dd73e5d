"""How does a mapping look as a spreadsheet, or to Data Loader?"""
