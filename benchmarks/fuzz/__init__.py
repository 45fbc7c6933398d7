"""Changed inputs at the doors that outside input comes through.

Imports all that reads input.
"""
