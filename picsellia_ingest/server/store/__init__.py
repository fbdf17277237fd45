"""The rules of the platform, over the tables; nothing here knows HTTP.

Each class owns its transactions: a method is one change or one view. Every method takes the account that
asks, and every statement is held to that account's organization, so that what another one owns is not there.
"""
