"""What a TF Serving server is started with: the files that an export writes beside its models."""
