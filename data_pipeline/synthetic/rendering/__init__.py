"""Pictures of bodies: shapes, cloth, scenery, things in front, drawn with depth.

Imports `anatomy` and `skeleton`.
"""
