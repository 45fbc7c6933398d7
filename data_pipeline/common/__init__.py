"""What every program needs: errors that users can mend, whole files, program starts, TensorFlow without a word.

Imports nothing of the project.
"""
