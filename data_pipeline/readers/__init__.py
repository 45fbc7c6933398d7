"""Annotation files as annotated people: MPII, LSP and LSPET, and the photographs that they name.

Imports `common` and `skeleton`.
"""
