"""How does syncd talk to a real Salesforce org? `syncd.salesforce.org.SalesforceOrg` is the port's adapter.

Nothing is imported here: simple-salesforce takes about a second to load, and `syncd --help` must not pay for it.
"""
