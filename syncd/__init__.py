"""syncd keeps the peace between Marketing and Sales in Salesforce."""

__version__ = "0.1.0"
