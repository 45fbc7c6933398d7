"""What people are looked for in: pictures, videos and cameras, and the boxes around them. Knows no TensorFlow.

Imports `data_pipeline`.
"""
